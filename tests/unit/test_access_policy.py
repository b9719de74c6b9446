import pytest

from dure.access.actions import ACTIONS
from dure.access.policy import PolicySet, reasons, refusal
from dure.access.roles import agent, person, system
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.base.types import Resource

POLICIES = PolicySet.load()
ANNA = person("person-anna", ["researcher"])


def dataset(**changes):
    attributes = {
        "state": "available", "owner": "person-bora", "access": "open", "redistributable": True, "embargo_until": 0,
    }  # fmt: skip
    return Resource("dataset", "DS-1", {**attributes, **changes})


def read(principal=ANNA, policies=POLICIES, **changes):
    return policies.decide(principal, "dataset.read", dataset(**changes), {"now": 100, "hidden": False})


def test_an_allowed_thing_carries_its_reason():
    decision = read()
    assert decision.allowed
    assert decision.policies == ("dataset.read",)
    assert decision.failed == decision.remedies == ()
    assert decision.policy_set == POLICIES.digest
    assert decision.attributes["resource.state"] == "available"
    assert decision.attributes["context.now"] == 100
    canonical(decision.as_leaf())


def test_without_any_permit_the_answer_is_no():
    decision = read(person("person-1", []))
    assert not decision.allowed
    assert decision.policies == ()
    assert decision.failed == ("role",)


def test_a_forbid_names_itself_and_its_remedy_in_both_languages():
    decision = read(embargo_until=101, access="controlled")
    assert decision.policies == ("controlled", "embargo")
    assert decision.failed == ("controlled", "embargo")
    english, korean = refusal(decision), refusal(decision, "ko")
    assert english.codes == korean.codes == decision.failed
    assert "under embargo" in str(english)
    assert "유예" in str(korean)
    assert english.where == "dataset/DS-1"
    assert [reason.remedy for reason in reasons(decision)] == list(decision.remedies)


def test_the_depositor_is_not_held_by_his_own_embargo():
    assert read(person("person-bora", ["depositor"]), embargo_until=101).allowed


def test_an_agent_needs_each_permission_by_name():
    assert read(agent("agent-1", ["dataset.read"], 0)).allowed
    assert read(agent("agent-1", ["dataset.list"], 0)).failed == ("permitted",)


def test_an_agent_spends_no_more_than_its_own_budget():
    worker = agent("agent-1", ["order.place"], 24)
    order = Resource("order", "b3:1", {"state": "new", "owner": "agent-1"})
    ask = lambda cost: POLICIES.decide(worker, "order.place", order, {"cost": cost, "budget_left": 30})  # noqa: E731
    assert ask(24).allowed
    assert ask(25).failed == ("agent-budget",)
    assert ask(31).failed == ("budget", "agent-budget")


def test_a_sealed_plate_gives_the_laboratory_its_ordered_wells_and_nobody_anything_else():
    plate = Resource("plate", "PL-1", {"state": "sealed", "owner": "person-anna"})
    ask = lambda who, ordered: POLICIES.decide(who, "plate.read", plate, {"ordered": ordered})  # noqa: E731
    assert ask(system("lab"), True).allowed
    assert ask(system("lab"), False).failed == ("ordered",)
    for other in (ANNA, system("campaign"), person("p", ["operator", "steward", "depositor", "researcher", "auditor"])):
        assert "sealed" in ask(other, True).failed


def test_background_parts_cannot_do_each_others_work():
    order = Resource("order", "b3:1", {"state": "placed", "owner": "person-anna"})
    assert POLICIES.decide(system("lab"), "order.submit", order).allowed
    assert POLICIES.decide(system("campaign"), "order.submit", order).failed == ("role",)
    task = Resource("task", "b3:2", {"access": "open"})
    assert POLICIES.decide(system("compute"), "task.record", task).allowed
    assert not POLICIES.decide(system("lab"), "task.record", task).allowed


def test_only_a_person_decides_what_is_uncertain():
    order = Resource("order", "b3:1", {"state": "uncertain", "owner": "agent-1"})
    everything = agent("agent-1", ACTIONS, 1000)
    assert not POLICIES.decide(everything, "order.decide", order).allowed
    assert not POLICIES.decide(system("lab"), "order.decide", order).allowed
    assert POLICIES.decide(person("p", ["steward"]), "order.decide", order).allowed


@pytest.mark.parametrize(
    ("action", "resource", "context", "error"),
    [
        ("dataset.eat", dataset(), {}, "no action 'dataset.eat'"),
        ("dataset.read", Resource("plate", "x"), {}, "about a dataset, not about a plate"),
        ("dataset.read", Resource("dataset", "x", {"state": "available"}), {}, "dataset.owner must be of type str"),
        ("dataset.read", dataset(), {"hidden": False}, "attribute now must be of type int, not None"),
        ("dataset.read", dataset(), {"hidden": False, "now": True}, "attribute now must be of type int"),
        ("dataset.read", dataset(), {"hidden": 0, "now": 1}, "attribute hidden must be of type bool"),
        ("dataset.read", dataset(state="avialable"), {"hidden": False, "now": 1}, "'avialable', not one of"),
    ],
)
def test_a_question_put_wrongly_gets_no_answer(action, resource, context, error):
    with pytest.raises((TypeError, ValueError), match=error):
        POLICIES.decide(ANNA, action, resource, context)


def test_what_cedar_cannot_evaluate_is_refused():
    decision = POLICIES.decide(ANNA, "dataset.read", dataset(), {"now": 2**70, "hidden": False})
    assert not decision.allowed
    assert decision.failed == ("policy-fault",)


def with_site(tmp_path, text):
    (tmp_path / "site.cedar").write_text(text, encoding="utf-8")
    return PolicySet.load(tmp_path)


def test_a_site_may_forbid_more(tmp_path):
    policies = with_site(tmp_path, '@id("no-reading") forbid(principal, action == Action::"dataset.read", resource);')
    decision = read(policies=policies)
    assert not decision.allowed
    assert decision.policies == ("no-reading",)
    assert decision.failed == ("site-policy",)
    assert "operator" in decision.remedies[0]
    assert policies.digest != POLICIES.digest


def test_a_site_may_widen_who_but_lifts_no_shipped_forbid(tmp_path):
    text = '@id("auditors-read") permit(principal in Role::"auditor", action == Action::"dataset.read", resource);'
    policies = with_site(tmp_path, text)
    auditor = person("person-1", ["auditor"])
    assert not read(auditor).allowed
    assert read(auditor, policies).allowed
    assert read(auditor, policies).policies == ("auditors-read",)
    assert read(auditor, policies, state="withdrawn").failed == ("role", "state")
    assert not read(person("person-2", ["depositor"]), policies).allowed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "not a Cedar policy"),
        ("permit(principal, action, resource);", "no @id"),
        ('@id("x") permit(principal, action, resource) when { resource.colour == "red" };', "colour"),
        ('@id("embargo") permit(principal, action, resource);', "'embargo' is used twice"),
        ('@id("x") permit(principal, action, resource);\n' * 2, "'x' is used twice"),
        ('@id("x") permit(principal == ?principal, action, resource);', "template"),
        ('@id("x") permit(principal, action == Action::"dataset.eat", resource);', "dataset.eat"),
    ],
)
def test_a_site_policy_that_would_not_do_what_it_says_is_refused_with_its_file(tmp_path, text, message):
    with pytest.raises(BadInput, match=message) as caught:
        with_site(tmp_path, text)
    assert caught.value.where == "site.cedar"
    assert caught.value.remedy


def test_a_site_folder_that_is_not_there_is_never_taken_for_an_empty_one(tmp_path):
    with pytest.raises(BadInput, match="no folder"):
        PolicySet.load(tmp_path / "polices")
    (tmp_path / "a.cedar").write_bytes(b"\xff")
    with pytest.raises(BadInput, match="not UTF-8"):
        PolicySet.load(tmp_path)


def test_the_digest_names_the_policies(tmp_path):
    assert PolicySet.load().digest == POLICIES.digest
    empty = PolicySet.load(tmp_path)
    assert empty.digest == POLICIES.digest
    assert empty.site_ids == frozenset()
