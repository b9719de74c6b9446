"""The closed table of actions: everything that can be asked of the hub, who may, and what must hold.

`docs/guide/access.md` and the Cedar schema are made from this table; each row has its policy in `policies/*.cedar`.
An action that is not here does not exist: asking for it is a mistake of the program, not of the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from dure.access.conditions import (
    AGENT_BUDGET,
    ALL_READ,
    BUDGET,
    EMBARGO,
    EVIDENCE_KIND,
    EXPIRY,
    GRANT,
    HIDDEN,
    LAST_OPERATOR,
    LICENCE,
    NOT_CONTROLLED,
    ORDERED,
    PERMITTED,
    PURPOSE,
    RESULT_GRANT,
    SEALED,
    Condition,
    in_state,
    who,
)
from dure.access.roles import Text

RESOURCES: dict[str, dict[str, type]] = {
    "hub": {"state": str},
    "principal": {},
    "policy": {},
    "key": {},
    "ledger": {},
    "doctor": {},
    "source": {},
    "dataset": {"state": str, "owner": str, "access": str, "redistributable": bool, "embargo_until": int},
    "plate": {"state": str, "owner": str},
    "campaign": {"state": str, "owner": str},
    "order": {"state": str, "owner": str},
    "result": {"state": str},
    "evidence": {},
    "model": {"state": str, "owner": str},
    "report": {},
    "task": {"access": str},
}
"""The attributes that a resource of each kind carries. `state` of a thing that is about to be made is `new`; that of
a hub without any event is `empty`; that of a result is its campaign's; times are whole seconds since 1970 UTC."""

VALUES: dict[str, tuple[str, ...]] = {
    "hub.state": ("empty", "running"),
    "dataset.state": ("new", "available", "withdrawn"),
    "dataset.access": ("open", "internal", "controlled"),
    "plate.state": ("new", "sealed", "unsealed"),
    "campaign.state": ("new", "running", "waiting", "finished", "stopped", "failed"),
    "order.state": ("new", "placed", "planned", "running", "read", "accepted", "failed", "uncertain"),
    "result.state": ("new", "running", "waiting", "finished", "stopped", "failed"),
    "model.state": ("new", "registered"),
    "task.access": ("open", "internal", "controlled"),
    "evidence_kind": ("rule", "predicted", "simulated", "measured"),
}
"""The values that a text attribute may have; others are refused before any policy is asked."""


@dataclass(frozen=True)
class Action:
    """One action: its permanent name, what it does, and the named conditions that must all hold.

    Attributes:
        name: `<kind of resource>.<verb>`.
        title: what it does.
        conditions: `role` first; `permitted`, which limits agents in all they do, last.
    """

    name: str
    title: Text
    conditions: tuple[Condition, ...]

    @property
    def kind(self) -> str:
        """The kind of resource it is asked about."""
        return self.name.partition(".")[0]

    @cached_property
    def resource(self) -> Mapping[str, type]:
        """Names and types of the resource's attributes."""
        return RESOURCES[self.kind]

    @cached_property
    def context(self) -> Mapping[str, type]:
        """Names and types of the context attributes that its conditions look at."""
        return {name: kind for condition in self.conditions for name, kind in condition.context.items()}


def _action(name: str, en: str, ko: str, *conditions: Condition) -> tuple[str, Action]:
    return name, Action(name, Text(en, ko), (*conditions, PERMITTED))


_STAFF = ("researcher", "steward", "auditor", "operator", "agent")
_LIVE = in_state("running", "waiting")

ACTIONS: dict[str, Action] = dict(
    (
        _action(
            "hub.create",
            "set up an empty hub with its first operator",
            "빈 허브를 만들고 첫 운영자를 둔다",
            who("system:hub"),
            in_state("empty"),
        ),
        _action("principal.add", "add a person or an agent", "사람이나 에이전트를 등록한다", who("operator")),
        _action(
            "principal.roles",
            "set roles, permissions and budget of a principal",
            "주체의 역할, 권한, 예산을 정한다",
            who("operator"),
            LAST_OPERATOR,
        ),
        _action(
            "principal.read",
            "see who may act in the hub, names included",
            "허브에서 행위할 수 있는 사람을 이름과 함께 본다",
            who("operator", "steward", "auditor"),
        ),
        _action(
            "policy.change",
            "put changed site policies in force",
            "바뀐 기관 정책을 시행한다",
            who("operator"),
        ),
        _action("key.rotate", "replace the ledger's signing key", "원장 서명 키를 교체한다", who("operator")),
        _action(
            "ledger.read", "read the ledger's events", "원장의 기록을 읽는다", who("auditor", "operator", "steward")
        ),
        _action(
            "ledger.export", "write the ledger as a bundle", "원장을 묶음으로 내보낸다", who("auditor", "operator")
        ),
        _action(
            "ledger.checkpoint",
            "sign a checkpoint of the ledger",
            "원장의 체크포인트에 서명한다",
            who("system:hub", "operator", "auditor"),
        ),
        _action(
            "doctor.check",
            "check objects, ledger and database against each other",
            "객체, 원장, 데이터베이스를 서로 대조한다",
            who("operator", "auditor", "steward"),
        ),
        _action(
            "doctor.rebuild",
            "replay the ledger into an empty database and compare",
            "원장을 빈 데이터베이스에 다시 적용하여 비교한다",
            who("operator"),
        ),
        _action(
            "doctor.collect",
            "delete objects that no event names",
            "어떤 기록도 가리키지 않는 객체를 지운다",
            who("operator", "system:hub"),
        ),
        _action(
            "source.fetch",
            "download a catalogued public data set",
            "목록에 있는 공개 데이터를 내려받는다",
            who("depositor", "steward", "agent"),
        ),
        _action(
            "dataset.deposit",
            "deposit a dataset with its terms of use",
            "이용 조건과 함께 데이터세트를 기탁한다",
            who("depositor", "steward", "agent", "system:data", "system:campaign"),
            in_state("new"),
        ),
        _action(
            "dataset.list",
            "see that a dataset exists, with its title and terms",
            "데이터세트의 존재와 제목, 이용 조건을 본다",
            who(*_STAFF, "depositor", "system:data", "system:campaign"),
        ),
        _action(
            "dataset.read",
            "read the values of an open or internal dataset",
            "공개 또는 내부 데이터세트의 값을 읽는다",
            who(
                "researcher",
                "steward",
                "agent",
                "system:data",
                "system:campaign",
                "system:lab",
                owner=("depositor",),
            ),
            in_state("available"),
            NOT_CONTROLLED,
            EMBARGO,
            HIDDEN,
        ),
        _action(
            "dataset.release",
            "read the values of a controlled dataset under a grant",
            "이용 승인을 받아 통제 대상 데이터세트의 값을 읽는다",
            who("researcher", "steward", "agent", "system:campaign", owner=("depositor",)),
            in_state("available"),
            EMBARGO,
            HIDDEN,
            PURPOSE,
            GRANT,
            EXPIRY,
        ),
        _action(
            "dataset.export",
            "take a dataset out of the hub",
            "데이터세트를 허브 밖으로 내보낸다",
            who("steward", owner=("depositor", "researcher")),
            in_state("available"),
            NOT_CONTROLLED,
            EMBARGO,
            HIDDEN,
            LICENCE,
        ),
        _action(
            "dataset.withdraw",
            "withdraw a dataset from all use",
            "데이터세트를 모든 이용에서 철회한다",
            who("steward", owner=("depositor", "researcher")),
            in_state("available"),
        ),
        _action(
            "plate.seal",
            "seal measured values for a replay laboratory",
            "재현 실험실용 측정값을 봉인한다",
            who("system:campaign", "system:lab", owner=("researcher", "agent")),
            in_state("new"),
        ),
        _action(
            "plate.read",
            "read wells of a plate",
            "플레이트의 웰을 읽는다",
            who("system:lab", "system:campaign", "steward", "auditor", owner=("researcher", "agent")),
            in_state("sealed", "unsealed"),
            SEALED,
            ORDERED,
        ),
        _action(
            "plate.unseal",
            "open a sealed plate",
            "봉인된 플레이트를 연다",
            who("system:campaign", "steward", "operator", owner=("researcher",)),
            in_state("sealed"),
            ALL_READ,
        ),
        _action(
            "campaign.start",
            "start a campaign",
            "캠페인을 시작한다",
            who("researcher", "agent"),
            in_state("new"),
            AGENT_BUDGET,
        ),
        _action(
            "campaign.step",
            "carry a campaign one step on, or resume it",
            "캠페인을 한 단계 진행하거나 재개한다",
            who("system:campaign", owner=("researcher", "agent")),
            _LIVE,
        ),
        _action(
            "campaign.stop",
            "end a campaign before its budget is spent",
            "예산을 다 쓰기 전에 캠페인을 끝낸다",
            who("steward", "operator", owner=("researcher", "agent")),
            _LIVE,
        ),
        _action(
            "campaign.read",
            "see a campaign's state, candidates and evidence",
            "캠페인의 상태, 후보, 증거를 본다",
            who(*_STAFF, "system:campaign", "system:lab"),
        ),
        _action(
            "order.place",
            "order an assay of a candidate",
            "후보의 실험을 주문한다",
            who("system:campaign", owner=("researcher", "agent")),
            in_state("new"),
            BUDGET,
            AGENT_BUDGET,
        ),
        _action(
            "order.submit",
            "hand an order to the laboratory's driver",
            "주문을 실험실 드라이버에 넘긴다",
            who("system:lab"),
            in_state("placed", "planned"),
        ),
        _action(
            "order.record",
            "record what became of an order",
            "주문의 경과를 기록한다",
            who("system:lab"),
            in_state("placed", "planned", "running", "read"),
        ),
        _action(
            "order.decide",
            "decide what becomes of an uncertain order",
            "불확실한 주문의 처리를 결정한다",
            who("steward", owner=("researcher",)),
            in_state("uncertain"),
        ),
        _action(
            "order.read",
            "see orders and their wells",
            "주문과 그 웰을 본다",
            who(*_STAFF, "system:campaign", "system:lab"),
        ),
        _action(
            "result.import",
            "import a result file of the laboratory",
            "실험실의 결과 파일을 들여온다",
            who("researcher", "steward", "system:lab"),
            _LIVE,
        ),
        _action(
            "evidence.record",
            "record evidence about candidates",
            "후보에 관한 증거를 기록한다",
            who("system:lab", "system:campaign", "system:data"),
            EVIDENCE_KIND,
        ),
        _action(
            "model.register",
            "register a model with its card",
            "모델을 카드와 함께 등록한다",
            who("system:campaign", "researcher", "agent"),
            in_state("new"),
        ),
        _action(
            "model.read", "use a model and see its card", "모델과 그 카드를 이용한다", who(*_STAFF, "system:campaign")
        ),
        _action(
            "report.read",
            "read a campaign's report, and trace its values to their sources",
            "캠페인 보고서를 읽고 값의 출처를 추적한다",
            who(*_STAFF, "depositor"),
        ),
        _action("task.record", "record the result of a task", "작업 결과를 기록한다", who("system:compute")),
        _action(
            "task.read",
            "look up the result of an earlier task",
            "앞선 작업의 결과를 찾아 쓴다",
            who("researcher", "steward", "agent", "system:compute", "system:campaign"),
            RESULT_GRANT,
        ),
    )
)


def schema() -> str:
    """The Cedar schema of this table; site policies are checked against it before they are used."""
    kinds = "\n".join(f"entity {kind.capitalize()} {_record(fields)};" for kind, fields in RESOURCES.items())
    actions = "\n".join(
        f'action "{action.name}" appliesTo {{ principal: [Person, Agent, System], '
        f"resource: [{action.kind.capitalize()}], context: {_record({'action': str, **action.context})} }};"
        for action in ACTIONS.values()
    )
    return (
        "entity Role;\n"
        "entity Person in [Role] { id: String };\n"
        "entity Agent in [Role] { id: String, permissions: Set<String>, budget: Long };\n"
        "entity System in [Role] { id: String };\n"
        f"{kinds}\n{actions}\n"
    )


_CEDAR_TYPES = {str: "String", int: "Long", bool: "Bool"}


def _record(fields: Mapping[str, type]) -> str:
    return "{ " + ", ".join(f"{name}: {_CEDAR_TYPES[kind]}" for name, kind in fields.items()) + " }"
