"""Decisions: Cedar decides, deny by default, and the named conditions say why.

The shipped policies and those of a site are one set; as Cedar has it, nothing is allowed without a `permit`, and one
`forbid` outweighs every `permit`. A site may therefore widen who may do something, and may forbid more, but it can
never lift a shipped `forbid`. Should Cedar and the conditions ever differ, the answer is no.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import cedarpy

from dure.access.actions import ACTIONS, VALUES, Action, schema
from dure.access.conditions import Case
from dure.access.roles import KINDS, Principal, Text
from dure.base.canonical import digest, digest_bytes
from dure.base.errors import BadInput, Refused
from dure.base.types import Decision, Resource

OTHER_REASONS: dict[str, tuple[Text, Text]] = {
    "site-policy": (
        Text("a policy of this site forbids it", "이 기관의 정책이 금지합니다"),
        Text("ask the operator about the policies named in the decision", "결정에 적힌 정책을 운영자에게 문의하십시오"),
    ),
    "policy-fault": (
        Text(
            "the policies and their conditions disagree, so the answer is no", "정책과 조건이 어긋나 허용하지 않습니다"
        ),
        Text(
            "report this as a fault of the hub, with the digest of its policies",
            "정책의 다이제스트와 함께 허브의 결함으로 신고하십시오",
        ),
    ),
}
"""Reasons beside the named conditions: code, and its sentence and remedy."""

_REFUSED = Text("refused to {title}: {because}", "허용되지 않음 ({title}): {because}")


class Reason(NamedTuple):
    """Why something was refused, in one language."""

    code: str
    sentence: str
    remedy: str


class PolicySet:
    """All policies in force, parsed once. Make one with `PolicySet.load`.

    Attributes:
        digest: names exactly these policies and this schema; every decision carries it.
        ids: ids of all policies; `site_ids` those a site added.
    """

    def __init__(self, shipped: Mapping[str, str], site: Mapping[str, str]) -> None:
        self._schema = schema()
        self.ids = _ids(shipped, frozenset())
        self.site_ids = _ids(site, self.ids)
        self.ids |= self.site_ids
        texts = {**shipped, **{f"site/{name}": text for name, text in site.items()}}
        parts = sorted([name, digest_bytes(text.encode())] for name, text in texts.items())
        self.digest = digest([digest_bytes(self._schema.encode()), parts])
        self._parsed = cedarpy.PolicySet.from_str("\n".join(texts.values()))

    @classmethod
    def load(cls, site: Path | None = None) -> PolicySet:
        """The shipped policies, with all `*.cedar` files of a site's folder on top, where there are any.

        Raises:
            BadInput: a site's policy does not parse, has no `@id` of its own, or looks at what does not exist.
        """
        shipped = _read(sorted(files("dure.access").joinpath("policies").iterdir(), key=lambda entry: entry.name))
        if site and not site.is_dir():
            # Never taken for "no policies": what the site forbids would be allowed.
            raise BadInput(
                "there is no folder of site policies here", where=str(site), remedy="create it, or mend the path"
            )
        added = _read(sorted(site.glob("*.cedar"))) if site else {}
        for name, text in added.items():
            _check_site_file(name, text)
        return cls(shipped, added)

    def decide(
        self, principal: Principal, action: str, resource: Resource, context: Mapping[str, object] | None = None
    ) -> Decision:
        """The decision whether this principal may do this to this thing now, with its reasons.

        The resource carries the attributes of its kind (`actions.RESOURCES`), the context those of the action
        (`Action.context`); what is given beyond that is not looked at.

        Raises:
            TypeError, ValueError: no such action, or an attribute is missing or of a wrong type: a program's mistake.
        """
        row = _row(action, resource)
        seen = _typed(row.resource, resource.attributes, f"{row.kind}.")
        now = _typed(row.context, context or {}, "")
        case = Case(principal, action, seen, now)
        failed = [condition.code for condition in row.conditions if not condition.holds(case)]
        allowed, policies = self._ask_cedar(principal, row, resource.id, seen, now)
        failed = self._reconcile(allowed, failed, policies)
        reasons = _reasons(row, failed, "en")
        return Decision(
            action=action,
            principal=principal.id,
            resource=f"{resource.kind}/{resource.id}",
            allowed=allowed and not failed,
            policy_set=self.digest,
            policies=policies,
            attributes=_looked_at(principal, seen, now),
            failed=tuple(failed),
            remedies=tuple(reason.remedy for reason in reasons),
        )

    def _ask_cedar(
        self, principal: Principal, row: Action, target: str, seen: Mapping[str, object], now: Mapping[str, object]
    ) -> tuple[bool, tuple[str, ...]]:
        uid = {"type": row.kind.capitalize(), "id": target}
        entity = json.dumps({"uid": uid, "attrs": seen, "parents": []})
        actor, actor_entity = _actor(principal)
        answer = cedarpy.is_authorized(
            {
                "principal": actor,
                "action": {"type": "Action", "id": row.name},
                "resource": uid,
                "context": {"action": row.name, **now},
            },
            self._parsed,
            f"[{actor_entity},{entity}]",
        )
        # Cedar numbers the policies of a text; the name that a policy gives itself comes as its @id annotation.
        names = sorted(answer.diagnostics.id_annotations_by_reason.values())
        # A policy that could not be evaluated is skipped by Cedar; a skipped `forbid` must not become a yes.
        return answer.allowed and not answer.diagnostics.errors, tuple(names)

    def _reconcile(self, allowed: bool, failed: list[str], policies: tuple[str, ...]) -> list[str]:
        """The codes to report; empty only for a yes that both Cedar and the conditions stand behind."""
        by_site = not self.site_ids.isdisjoint(policies)
        if allowed:
            # A site's permit may stand in for the role, and for nothing else.
            rest = [code for code in failed if not (by_site and code == "role")]
            return [*rest, "policy-fault"] if rest else []
        if by_site:
            return [*failed, "site-policy"]
        return failed or ["policy-fault"]


def reasons(decision: Decision, lang: str = "en") -> list[Reason]:
    """Why a decision said no, one reason for each failed condition, in `en` or `ko`."""
    return _reasons(ACTIONS[decision.action], decision.failed, lang)


def refusal(decision: Decision, lang: str = "en") -> Refused:
    """The error that tells a user about a decision that said no."""
    found = reasons(decision, lang)
    title: str = getattr(ACTIONS[decision.action].title, lang)
    because = "; ".join(reason.sentence for reason in found)
    return Refused(
        getattr(_REFUSED, lang).format(title=title, because=because),
        codes=decision.failed,
        where=decision.resource,
        remedy="; ".join(dict.fromkeys(reason.remedy for reason in found)),
    )


def _reasons(row: Action, codes: Iterable[str], lang: str) -> list[Reason]:
    known = {condition.code: (condition.sentence, condition.remedy) for condition in row.conditions}
    texts = [(code, *(known.get(code) or OTHER_REASONS[code])) for code in codes]
    return [Reason(code, getattr(sentence, lang), getattr(remedy, lang)) for code, sentence, remedy in texts]


def _row(action: str, resource: Resource) -> Action:
    row = ACTIONS.get(action)
    if row is None:
        raise ValueError(f"there is no action {action!r}")
    if resource.kind != row.kind:
        raise TypeError(f"{action} is asked about a {row.kind}, not about a {resource.kind}")
    return row


def _typed(wanted: Mapping[str, type], given: Mapping[str, object], prefix: str) -> dict[str, object]:
    """The wanted attributes out of those given; nothing is assumed for one that is missing."""
    found = {}
    for name, kind in wanted.items():
        value = given.get(name)
        # `type` and not `isinstance`: True must not pass for a number.
        if type(value) is not kind:
            raise TypeError(f"attribute {prefix}{name} must be of type {kind.__name__}, not {value!r}")
        allowed = VALUES.get(prefix + name)
        if allowed and value not in allowed:
            raise ValueError(f"attribute {prefix}{name} is {value!r}, not one of {', '.join(allowed)}")
        found[name] = value
    return found


@lru_cache(maxsize=4096)
def _actor(principal: Principal) -> tuple[dict[str, str], str]:
    """Cedar's name of the principal, and its entity as JSON."""
    uid = {"type": KINDS[principal.kind], "id": principal.id}
    attributes: dict[str, object] = {"id": principal.id}
    if principal.kind == "agent":
        attributes |= {"permissions": sorted(principal.permissions), "budget": principal.budget}
    parents = [{"type": "Role", "id": role} for role in sorted(principal.roles)]
    return uid, json.dumps({"uid": uid, "attrs": attributes, "parents": parents})


def _looked_at(principal: Principal, seen: Mapping[str, object], now: Mapping[str, object]) -> dict[str, object]:
    attributes: dict[str, object] = {"principal.kind": principal.kind, "principal.roles": sorted(principal.roles)}
    if principal.kind == "agent":
        attributes |= {"principal.permissions": sorted(principal.permissions), "principal.budget": principal.budget}
    attributes |= {f"resource.{name}": value for name, value in seen.items()}
    return attributes | {f"context.{name}": value for name, value in now.items()}


def _read(entries: Iterable[Traversable]) -> dict[str, str]:
    texts = {}
    for entry in entries:
        try:
            texts[entry.name] = entry.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"byte {error.start} is not UTF-8", where=entry.name, remedy="save the policy as UTF-8 text"
            ) from None
    return texts


def _annotations(text: str) -> list[str | None]:
    """The `@id` of every policy in a text, in order; `ValueError` where it does not parse."""
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    both = [*parsed["staticPolicies"].values(), *parsed["templates"].values()]
    return [policy.get("annotations", {}).get("id") for policy in both]


def _ids(texts: Mapping[str, str], taken: frozenset[str]) -> frozenset[str]:
    """The ids of all policies; each must have one, and no two the same."""
    seen = set(taken)
    for name, text in texts.items():
        for identifier in _annotations(text):
            if not identifier or identifier in seen:
                problem = f"the id {identifier!r} is used twice" if identifier else "a policy has no @id"
                raise BadInput(problem, where=name, remedy='write @id("a-name-of-its-own") above each policy')
            seen.add(identifier)
    return frozenset(seen - taken)


def _check_site_file(name: str, text: str) -> None:
    try:
        templates = json.loads(cedarpy.policies_to_json_str(text))["templates"]
    except ValueError as error:
        raise BadInput(f"not a Cedar policy: {error}", where=name, remedy="see https://docs.cedarpolicy.com") from None
    if templates:
        raise BadInput(
            "a template (?principal, ?resource) allows nothing by itself",
            where=name,
            remedy="write the principal or resource out",
        )
    problems = sorted(str(error) for error in cedarpy.validate_policies(text, schema()).errors)
    if problems:
        raise BadInput(
            "; ".join(problems[:3]), where=name, remedy="use the actions and attributes that docs/guide/access.md lists"
        )
