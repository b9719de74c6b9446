"""The named conditions: what must hold for an action, each a pure function with a sentence and a remedy.

Two families are judged apart, as person and state are (ARCHITECTURE.md, "Act and Change"):

- `role` asks about the person alone. In Cedar it is the one `permit` of the action.
- All others ask about the thing, the moment and the limits, whoever asks. In Cedar each is a `forbid`, so that no
  policy that a site adds can lift them.

Cedar decides; these functions say why. A property test holds both to the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dure.access.roles import ROLES, SYSTEM, Principal, Text


@dataclass(frozen=True, slots=True)
class Case:
    """What a condition looks at: who asks, for which action, the thing's attributes, and the moment's."""

    principal: Principal
    action: str
    resource: Mapping[str, object]
    context: Mapping[str, object]

    def number(self, name: str) -> int:
        """A whole number out of the context."""
        value = self.context[name]
        assert isinstance(value, int)
        return value

    @property
    def owned(self) -> bool:
        """Whether the thing belongs to who asks."""
        return self.resource["owner"] == self.principal.id


@dataclass(frozen=True)
class Condition:
    """One named condition.

    Attributes:
        code: its permanent name in decisions, errors and documentation.
        holds: the pure function.
        sentence: what is the matter when it does not hold.
        remedy: what would change the answer.
        context: names and types of the context attributes it looks at.
        owned: whether it looks at the owner of the thing.
        roles, owner_roles, states: what the factories `who` and `in_state` were given.
    """

    code: str
    holds: Callable[[Case], bool]
    sentence: Text
    remedy: Text
    context: Mapping[str, type] = field(default_factory=dict)
    owned: bool = False
    roles: tuple[str, ...] = ()
    owner_roles: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


def who(*roles: str, owner: tuple[str, ...] = ()) -> Condition:
    """Holders of any of the roles; and, when the thing is theirs, holders of any of the `owner` roles."""

    def holds(case: Case) -> bool:
        held = case.principal.roles
        return not held.isdisjoint(roles) or (not held.isdisjoint(owner) and case.owned)

    allowed = _either(roles, owner)
    return Condition(
        "role",
        holds,
        Text("only {who} may do this", "이 일은 {who}만 할 수 있습니다").filled(who=allowed),
        Text(
            "ask an operator for the role, or ask {who} to do it", "운영자에게 역할을 요청하거나 {who}에게 부탁하십시오"
        ).filled(who=allowed),
        owned=bool(owner),
        roles=roles,
        owner_roles=owner,
    )


def in_state(*states: str) -> Condition:
    """The thing is in one of these states."""
    names = Text(*([", ".join(states)] * 2))
    return Condition(
        "state",
        lambda case: case.resource["state"] in states,
        Text("this can be done only while its state is {states}", "상태가 {states}일 때만 할 수 있습니다").filled(
            states=names
        ),
        Text("look at its present state with `dure show`", "`dure show`로 지금 상태를 확인하십시오"),
        states=states,
    )


PERMITTED = Condition(
    "permitted",
    lambda case: case.principal.kind != "agent" or case.action in case.principal.permissions,
    Text("this agent was not given this action", "이 에이전트에게는 이 행위가 허용되지 않았습니다"),
    Text(
        "ask the operator to add the action to the agent's permissions",
        "운영자에게 이 행위를 에이전트의 권한에 넣어 달라고 요청하십시오",
    ),
)

AGENT_BUDGET = Condition(
    "agent-budget",
    lambda case: case.principal.kind != "agent" or case.number("cost") <= case.principal.budget,
    Text("this costs more assays than the agent may still spend", "에이전트에게 남은 실험 횟수보다 많이 듭니다"),
    Text(
        "ask for fewer assays, or ask the operator to raise the agent's budget",
        "횟수를 줄이거나 운영자에게 에이전트의 예산 증액을 요청하십시오",
    ),
    {"cost": int},
)

BUDGET = Condition(
    "budget",
    lambda case: case.number("cost") <= case.number("budget_left"),
    Text("this costs more assays than the campaign has left", "캠페인에 남은 실험 횟수보다 많이 듭니다"),
    Text("start another campaign with a larger budget", "예산을 늘려 새 캠페인을 시작하십시오"),
    {"cost": int, "budget_left": int},
)

NOT_CONTROLLED = Condition(
    "controlled",
    lambda case: case.resource["access"] != "controlled",
    Text("this data is controlled", "통제 대상 데이터입니다"),
    Text(
        "ask the data steward for a grant, then read it with dataset.release, which is recorded",
        "데이터 관리자에게 이용 승인을 받은 뒤, 기록이 남는 dataset.release로 열람하십시오",
    ),
)


def _embargo_over(case: Case) -> bool:
    until = case.resource["embargo_until"]
    assert isinstance(until, int)
    return until <= case.number("now") or case.owned


EMBARGO = Condition(
    "embargo",
    _embargo_over,
    Text("this data is under embargo", "공개 유예 기간 중인 데이터입니다"),
    Text("wait until the embargo ends, or ask the owner", "유예 기간이 끝나기를 기다리거나 소유자에게 문의하십시오"),
    {"now": int},
    owned=True,
)

LICENCE = Condition(
    "licence",
    lambda case: case.resource["redistributable"] is True,
    Text("its licence does not allow passing it on, or is unclear", "재배포를 허용하지 않거나 라이선스가 불분명합니다"),
    Text(
        "let the recipient fetch it from its source with `dure fetch`; a campaign's readings: `dure report --table`",
        "받는 사람이 `dure fetch`로 원천에서 직접 가져오게 하십시오. 캠페인의 측정값: `dure report --table`",
    ),
)

HIDDEN = Condition(
    "hidden",
    lambda case: case.context["hidden"] is False or "system:lab" in case.principal.roles,
    Text(
        "these values lie in a sealed plate of a running campaign", "진행 중인 캠페인의 봉인된 플레이트에 든 값입니다"
    ),
    Text(
        "wait until the campaign ends, or unseal the plate, which the report will show",
        "캠페인이 끝나기를 기다리거나 플레이트의 봉인을 푸십시오. 이는 보고서에 표시됩니다",
    ),
    {"hidden": bool},
)

PURPOSE = Condition(
    "purpose",
    lambda case: case.context["purpose_stated"] is True,
    Text("no purpose was stated", "이용 목적이 제시되지 않았습니다"),
    Text("state the purpose of use", "이용 목적을 밝히십시오"),
    {"purpose_stated": bool},
)

GRANT = Condition(
    "grant",
    lambda case: case.number("grant_until") > 0 or case.owned,
    Text("no grant covers this person, purpose and data", "이 사람과 목적, 데이터에 대한 이용 승인이 없습니다"),
    Text("ask the data steward for a grant", "데이터 관리자에게 이용 승인을 신청하십시오"),
    {"grant_until": int},
    owned=True,
)

EXPIRY = Condition(
    "expiry",
    # Without any grant it is GRANT that speaks, not this one.
    lambda case: case.number("grant_until") == 0 or case.number("grant_until") > case.number("now") or case.owned,
    Text("the grant has expired", "이용 승인 기간이 끝났습니다"),
    Text("ask the data steward to extend the grant", "데이터 관리자에게 승인 기간 연장을 신청하십시오"),
    {"grant_until": int, "now": int},
    owned=True,
)

RESULT_GRANT = Condition(
    "result-grant",
    lambda case: case.resource["access"] != "controlled" or case.number("grant_until") > case.number("now"),
    Text(
        "this result came from controlled data, and no grant in force covers it",
        "통제 대상 데이터에서 나온 결과이며 유효한 이용 승인이 없습니다",
    ),
    Text(
        "ask the data steward for a grant on the data behind it",
        "데이터 관리자에게 원천 데이터의 이용 승인을 신청하십시오",
    ),
    {"grant_until": int, "now": int},
)

SEALED = Condition(
    "sealed",
    lambda case: case.resource["state"] != "sealed" or "system:lab" in case.principal.roles,
    Text("the plate is sealed: only the laboratory reads it", "봉인된 플레이트이며 실험실만 읽을 수 있습니다"),
    Text(
        "wait until the campaign ends, or unseal the plate, which the report will show",
        "캠페인이 끝나기를 기다리거나 플레이트의 봉인을 푸십시오. 이는 보고서에 표시됩니다",
    ),
)

ORDERED = Condition(
    "ordered",
    lambda case: case.resource["state"] != "sealed" or case.context["ordered"] is True,
    Text("a sealed plate gives only the wells that were ordered", "봉인된 플레이트에서는 주문한 웰만 읽을 수 있습니다"),
    Text("order the wells first", "먼저 웰을 주문하십시오"),
    {"ordered": bool},
)

ALL_READ = Condition(
    "all-read",
    lambda case: case.principal.kind != "system" or case.number("orders_left") == 0,
    Text("the campaign still has orders to place or to read", "캠페인에 아직 내거나 읽을 주문이 남아 있습니다"),
    Text(
        "a person may unseal it early, which the report will show",
        "사람이 미리 봉인을 풀 수 있으며 이는 보고서에 표시됩니다",
    ),
    {"orders_left": int},
)

EVIDENCE_KIND = Condition(
    "evidence-kind",
    lambda case: (
        "system:data" in case.principal.roles
        or (case.context["evidence_kind"] == "measured") == ("system:lab" in case.principal.roles)
    ),
    Text(
        "measured values come from the laboratory alone, and all others from elsewhere",
        "측정값은 실험실에서만, 그 밖의 값은 실험실이 아닌 곳에서만 기록합니다",
    ),
    Text(
        "record each kind of evidence by the part that produced it",
        "증거는 그것을 만든 부분이 종류별로 기록해야 합니다",
    ),
    {"evidence_kind": str},
)

LAST_OPERATOR = Condition(
    "last-operator",
    lambda case: case.number("operators_after") >= 1,
    Text("the hub would be left without an operator", "허브에 운영자가 한 명도 남지 않게 됩니다"),
    Text("make somebody else operator first", "먼저 다른 사람을 운영자로 지정하십시오"),
    {"operators_after": int},
)


def _either(roles: tuple[str, ...], owner: tuple[str, ...]) -> Text:
    names = ROLES | SYSTEM
    en = [names[role].en for role in roles]
    ko = [names[role].ko for role in roles]
    if owner:
        en.append(f"the owner ({', '.join(names[role].en for role in owner)})")
        ko.append(f"소유자({', '.join(names[role].ko for role in owner)})")
    return Text(" or ".join(en), " 또는 ".join(ko))
