"""Nothing in the tables of access is without its policy, its sentence in both languages, or its paragraph."""

import json
import re
from importlib.resources import files
from pathlib import Path

import cedarpy
import pytest

from dure.access.actions import ACTIONS, RESOURCES, VALUES, schema
from dure.access.guide import renewed
from dure.access.policy import OTHER_REASONS, PolicySet
from dure.access.roles import ROLES, SYSTEM

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "access.md"
TEXTS = {entry.name: entry.read_text("utf-8") for entry in files("dure.access").joinpath("policies").iterdir()}
POLICIES = [
    policy
    for text in TEXTS.values()
    for policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
]


def actions_of(policy):
    """The actions that a policy's scope names; all of them where it names none."""
    scope = policy["action"]
    if scope["op"] == "All":
        return set(ACTIONS)
    return {entity["id"] for entity in scope.get("entities") or [scope["entity"]]}


def identifier(policy):
    return policy["annotations"]["id"]


def test_every_shipped_policy_fits_the_schema():
    result = cedarpy.validate_policies("\n".join(TEXTS.values()), schema())
    assert [str(error) for error in result.errors] == []


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_each_action_has_one_permit_and_a_forbid_for_each_further_condition(action):
    mine = [policy for policy in POLICIES if action.name in actions_of(policy)]
    assert [identifier(policy) for policy in mine if policy["effect"] == "permit"] == [action.name]
    forbids = {identifier(policy).removeprefix(f"{action.name}.") for policy in mine if policy["effect"] == "forbid"}
    codes = [condition.code for condition in action.conditions]
    assert codes[0] == "role"
    assert len(codes) == len(set(codes))
    assert forbids == set(codes[1:])


def test_no_policy_is_about_an_action_that_does_not_exist():
    assert {name for policy in POLICIES for name in actions_of(policy)} == ACTIONS.keys()
    assert len({identifier(policy) for policy in POLICIES}) == len(POLICIES)


def test_every_sentence_is_written_in_both_languages():
    hangul = re.compile("[가-힣]")
    texts = [action.title for action in ACTIONS.values()]
    conditions = [condition for action in ACTIONS.values() for condition in action.conditions]
    texts += [text for condition in conditions for text in (condition.sentence, condition.remedy)]
    texts += [text for pair in OTHER_REASONS.values() for text in pair]
    for text in texts:
        assert text.en.isascii(), text
        assert hangul.search(text.ko), text
        assert "{" not in text.en + text.ko, text


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_each_action_names_roles_kinds_and_states_that_exist(action):
    role, names = action.conditions[0], ROLES.keys() | SYSTEM.keys()
    assert role.roles + role.owner_roles
    assert {*role.roles, *role.owner_roles} <= names
    assert action.kind in RESOURCES
    for condition in action.conditions:
        assert not condition.owned or "owner" in action.resource
        assert set(condition.states) <= set(VALUES.get(f"{action.kind}.state", ()))


def test_every_text_attribute_but_the_owner_has_a_closed_list_of_values():
    wanted = {f"{kind}.{name}" for kind, fields in RESOURCES.items() for name, t in fields.items() if t is str}
    wanted = {name for name in wanted if not name.endswith(".owner")}
    wanted |= {name for action in ACTIONS.values() for name, t in action.context.items() if t is str}
    assert wanted == VALUES.keys()


def test_the_page_is_not_stale():
    page = PAGE.read_text("utf-8")
    assert renewed(page) == page, "run: python -m dure.access.guide docs/guide/access.md"
    for name in ACTIONS:
        assert f"#### `{name}` (en)" in page
        assert f"#### `{name}` (ko)" in page


def test_the_example_of_a_site_policy_in_the_page_can_be_used(tmp_path):
    example = re.search(r"```cedar\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "example.cedar").write_text(example[1])
    assert PolicySet.load(tmp_path).site_ids == {"agents-order-little"}


def test_a_page_without_marks_is_not_overwritten():
    with pytest.raises(ValueError, match="no <!-- generated"):
        renewed("nothing to replace")
