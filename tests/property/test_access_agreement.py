"""Cedar's answer and the conjunction of the named conditions are the same, for every action, on generated cases.

The second test gives everybody a permit: what Cedar then still refuses must be exactly what the conditions about the
thing refuse, so that "who" lives in the permits alone and "what, when and how much" in the forbids alone.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.access.actions import ACTIONS, VALUES, Action
from dure.access.conditions import Case
from dure.access.policy import PolicySet
from dure.access.roles import ROLES, SYSTEM, agent, person, system
from dure.base.types import Resource

SHIPPED = PolicySet.load()
OWNERS = ["person-a", "person-b", "agent-a", "system:campaign"]
# Few and close together, so that "equal", "one less" and "none" all come up.
NUMBERS = st.sampled_from([-1, 0, 1, 2, 24, 25, 2**40])

PRINCIPALS = st.one_of(
    st.builds(person, st.sampled_from(OWNERS[:2]), st.sets(st.sampled_from(sorted(ROLES.keys() - {"agent"})))),
    st.builds(
        agent,
        st.just("agent-a"),
        st.sets(st.sampled_from(sorted(ACTIONS)), max_size=37),
        st.sampled_from([0, 1, 24, 25]),
    ),
    st.sampled_from([system(part.partition(":")[2]) for part in SYSTEM]),
)


def values(name, kind):
    if name == "owner":
        return st.sampled_from(OWNERS)
    if kind is str:
        return st.sampled_from(VALUES[name])
    return st.booleans() if kind is bool else NUMBERS


@st.composite
def cases(draw, action: Action):
    """Who, what and when. Half the draws lean towards a yes (own thing, right role and state), rare otherwise."""
    role, states = action.conditions[0], [state for c in action.conditions for state in c.states]
    seen = {
        name: draw(values(name if name == "owner" else f"{action.kind}.{name}" if kind is str else name, kind))
        for name, kind in action.resource.items()
    }
    now = {name: draw(values(name, kind)) for name, kind in action.context.items()}
    principal = draw(PRINCIPALS)
    if draw(st.booleans()):
        principal = suited(draw(st.sampled_from(role.roles + role.owner_roles)), principal, action.name)
        seen |= {"owner": principal.id} if "owner" in seen else {}
        seen |= {"state": draw(st.sampled_from(states))} if states else {}
    return principal, Resource(action.kind, "thing-1", seen), now


def suited(role, like, action):
    """A principal who holds the role, otherwise like the one given."""
    if role in SYSTEM:
        return system(role.partition(":")[2])
    if role == "agent":
        return agent("agent-a", {*like.permissions, action}, like.budget or 25)
    return person("person-a", {role} | (like.roles & ROLES.keys()) - {"agent"})


def failing(action, principal, resource, context):
    case = Case(principal, action.name, resource.attributes, context)
    return [condition.code for condition in action.conditions if not condition.holds(case)]


def cedar(policies, action, principal, resource, context):
    """Cedar's own answer, before the conditions are laid beside it."""
    return policies._ask_cedar(principal, action, resource.id, resource.attributes, context)


def policy_of(action, code):
    return f"{action.name}.state" if code == "state" else code


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_cedar_and_the_conditions_agree(action, data):
    asked = data.draw(cases(action))
    failed = failing(action, *asked)
    allowed, determining = cedar(SHIPPED, action, *asked)
    assert allowed == (not failed)
    # Cedar names the very conditions that failed; the role is the one that shows by the permit's absence.
    forbids = {policy_of(action, code) for code in failed if code != "role"}
    assert set(determining) == (forbids if forbids else {action.name} if allowed else set())
    decision = SHIPPED.decide(asked[0], action.name, *asked[1:])
    assert (decision.allowed, list(decision.failed)) == (allowed, failed)
    assert len(decision.remedies) == len(failed)


@pytest.fixture(scope="module")
def generous(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "all.cedar").write_text('@id("everybody") permit(principal, action, resource);')
    return PolicySet.load(folder)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_permit_for_everybody_lifts_the_role_and_nothing_else(generous, action, data):
    principal, resource, context = data.draw(cases(action))
    failed = failing(action, principal, resource, context)
    decision = generous.decide(principal, action.name, resource, context)
    assert decision.allowed == (not set(failed) - {"role"})
    assert cedar(generous, action, principal, resource, context)[0] == decision.allowed


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_each_action_can_be_allowed_and_each_of_its_conditions_can_fail(action):
    """Keeps the generators honest: a condition that no generated case ever fails is not tested."""
    seen, allowed = set(), False

    @settings(max_examples=120, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def collect(data):
        nonlocal allowed
        failed = failing(action, *data.draw(cases(action)))
        seen.update(failed)
        allowed = allowed or not failed

    collect()
    assert seen == {condition.code for condition in action.conditions}
    assert allowed
