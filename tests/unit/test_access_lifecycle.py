import pytest

from dure.base.errors import Conflict
from dure.base.lifecycle import Lifecycle

MOVES = {
    "placed": {"order.planned": "planned", "order.failed": "failed"},
    "planned": {"order.read": "accepted", "order.failed": "failed"},
    "accepted": {},
    "failed": {},
}
OWNERS = {"placed": "lab", "planned": "lab", "accepted": "-", "failed": "-"}
ORDER = Lifecycle("order", "placed", MOVES, OWNERS)


def test_pairs_hold_every_state_and_event_once():
    pairs = list(ORDER.pairs())
    assert len(pairs) == len({(state, event) for state, event, _ in pairs}) == 4 * 3
    for state, event, after in pairs:
        assert ORDER.allowed(state, event) == (after is not None)
        if after is None:
            with pytest.raises(Conflict, match=f"while it is {state}"):
                ORDER.after(state, event)
        else:
            assert ORDER.after(state, event) == after == MOVES[state][event]


def test_it_can_be_asked_from_both_ends():
    assert ORDER.before("order.failed") == ("placed", "planned")
    assert ORDER.final == {"accepted", "failed"}
    assert ORDER.events == ("order.planned", "order.failed", "order.read")


def test_an_unknown_state_is_a_mistake_and_an_unknown_event_a_refusal():
    with pytest.raises(KeyError):
        ORDER.allowed("lost", "order.read")
    with pytest.raises(Conflict, match="no state at all"):
        ORDER.after("placed", "order.eaten")


def test_the_table_is_frozen():
    with pytest.raises(TypeError):
        ORDER.moves["placed"]["order.read"] = "accepted"


def test_the_diagram_has_every_move():
    lines = ORDER.mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "  [*] --> placed"]
    moves = {f"  {state} --> {after}: {event}" for state, event, after in ORDER.pairs() if after}
    assert moves < set(lines)
    assert "  failed --> [*]" in lines
    assert len(lines) == 2 + len(moves) + 2


@pytest.mark.parametrize(
    ("initial", "moves", "owners", "message"),
    [
        ("x", {"a": {}}, {"a": "-"}, "initial state 'x'"),
        ("a", {"a": {"e": "b"}}, {"a": "-"}, r"a leads to \['b'\]"),
        ("a", {"a": {}, "b": {}}, {"a": "-", "b": "-"}, r"nothing leads to \['b'\]"),
        ("a", {"a": {}}, {}, r"owners differ in \['a'\]"),
        ("a", {"a": {"e": "a"}}, {"a": "-"}, "no state is final"),
    ],
)
def test_a_table_with_a_hole_cannot_exist(initial, moves, owners, message):
    with pytest.raises(ValueError, match=message):
        Lifecycle("thing", initial, moves, owners)
