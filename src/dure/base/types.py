"""Types that cross floors: what a decision is about and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing an action is asked about.

    Attributes:
        kind: its noun, as in the action's first half: `dataset`, `campaign`, `plate`, `hub`.
        id: accession, digest or random id; never personal data.
        attributes: ids, enums, numbers and lists of them: all that a policy may look at (`state`, `owner`, `terms`).
    """

    kind: str
    id: str
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """One policy decision with its reasons; a ledger leaf carries it beside what it allowed.

    Attributes:
        action: for example `dataset.publish`.
        principal: id of who asks.
        resource: `kind/id` of what it is asked about.
        allowed: the answer.
        policy_set: digest of all policies that were in force.
        policies: the ids of the policies that determined the answer.
        attributes: the attributes of principal, resource and context that were looked at.
        failed: codes of the named conditions that did not hold; empty when allowed.
        remedies: what would change the answer, one sentence for each failed code.
    """

    action: str
    principal: str
    resource: str
    allowed: bool
    policy_set: str
    policies: tuple[str, ...]
    attributes: Mapping[str, object]
    failed: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()

    def as_leaf(self) -> dict[str, object]:
        """The part of it that a ledger leaf keeps."""
        return {
            "action": self.action,
            "attributes": dict(self.attributes),
            "policies": list(self.policies),
            "policy_set": self.policy_set,
            "resource": self.resource,
        }
