import pytest

from dure.access.roles import FOUNDER, ROLES, SYSTEM, Principal, agent, person, system


def test_every_role_and_part_has_a_name_in_both_languages():
    for text in [*ROLES.values(), *SYSTEM.values()]:
        assert text.en.strip()
        assert text.ko.strip()


def test_a_part_holds_its_own_role_alone():
    assert system("lab") == Principal("system:lab", "system", frozenset({"system:lab"}))
    with pytest.raises(ValueError, match="no part 'kitchen'"):
        system("kitchen")


def test_the_founder_is_a_person_who_can_do_all_work_but_audit():
    assert person("person-1", FOUNDER).roles == ROLES.keys() - {"agent", "auditor"}


@pytest.mark.parametrize(
    ("kind", "identifier", "roles"),
    [
        ("person", "person-1", {"agent"}),
        ("person", "person-1", {"system:lab"}),
        ("person", "person-1", {"king"}),
        ("agent", "agent-1", {"agent", "researcher"}),
        ("agent", "agent-1", {"operator"}),
        ("system", "system:lab", {"system:campaign"}),
        ("system", "system:lab", {"system:lab", "operator"}),
        ("system", "person-1", {"system:lab"}),
        ("robot", "robot-1", {"agent"}),
    ],
)
def test_nobody_holds_a_role_of_another_kind(kind, identifier, roles):
    with pytest.raises(ValueError, match=identifier):
        Principal(identifier, kind, frozenset(roles))


def test_limits_belong_to_agents():
    assert agent("agent-1", ["order.place"], 5).budget == 5
    with pytest.raises(ValueError, match="agents alone"):
        Principal("person-1", "person", frozenset(), frozenset({"order.place"}))
    with pytest.raises(ValueError, match="-1 assays"):
        agent("agent-1", [], -1)
