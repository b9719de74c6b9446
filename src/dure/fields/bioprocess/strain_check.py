"""The closer look at the best strains: flux after the loss, carbon, and two pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import pyarrow as pa

from dure.base.evidence import evidence_table
from dure.campaign.field import ReadSource
from dure.design.candidate import Candidate
from dure.fields.bioprocess import strain
from dure.verify.check import method
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder

TITLES = {
    "growth": {"en": "largest growth", "ko": "최대 성장 속도"},
    "carbon closure": {"en": "carbon out and bound, over carbon in", "ko": "들어온 탄소 대비 나가거나 결합한 탄소"},
    "growth after the loss": {
        "en": "growth right after the loss (linear MOMA)",
        "ko": "유전자를 잃은 직후의 성장 (선형 MOMA)",
    },
    "product after the loss": {
        "en": "product right after the loss (linear MOMA)",
        "ko": "유전자를 잃은 직후의 산물 (선형 MOMA)",
    },
}


@dataclass(frozen=True)
class StrainCheck:
    """Linear MOMA beside flux balance, the carbon of a flux distribution, production envelope and flux table."""

    sbml: bytes
    told: strain.Setting
    settings: Mapping[str, Any]
    name: str = field(default="strain", init=False)
    version: int = field(default=1, init=False)
    kind: str = field(default="simulated", init=False)
    cost: float = field(default=10.0, init=False)

    def missing(self) -> str | None:
        return None if find_spec("cobra") else "cobra is not installed: pip install dure[strain]"

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        return self.run_with_artefacts(candidates)[0]

    def run_with_artefacts(self, candidates: Sequence[Candidate]) -> tuple[pa.Table, Mapping[str, Mapping[str, bytes]]]:
        from dure.fields.bioprocess.strain_model import envelope, fluxes_at_growth, model_of

        rows: list[dict[str, object]] = []
        drawn: dict[str, Mapping[str, bytes]] = {}
        now = datetime.now(UTC)
        product = self.told.product
        with model_of(self.sbml, self.told.medium) as model:
            wild, wild_ends = fluxes_at_growth(model, [], product), envelope(model, [], product)
            for candidate in candidates:
                genes = strain.genes_of(candidate, strain.known_in(self.told.model, model, candidate))
                own = fluxes_at_growth(model, genes, product)
                ends = envelope(model, genes, product)
                for name, (value, unit) in self._found(model, genes, own).items():
                    rows.append(
                        {
                            "candidate": candidate.id,
                            "property": name,
                            "value": value,
                            "unit": unit,
                            "kind": self.kind,
                            "method": method(self),
                            "at": now,
                        }
                    )
                drawn[candidate.id] = {
                    f"{name}.{lang}.svg": picture.encode()
                    for lang in ("en", "ko")
                    for name, picture in (
                        ("envelope", strain.envelope_picture(ends, wild_ends, self.told, lang)),
                        ("fluxes", strain.flux_table(own, wild, lang)),
                    )
                }
        return evidence_table(rows), drawn

    def _found(self, model: Any, genes: Sequence[str], own: Mapping[str, float]) -> dict[str, tuple[float, str]]:
        from dure.fields.bioprocess.strain_model import adjusted, carbon, growth_of

        taken, given, bound = carbon(model, own)
        growth, product = adjusted(model, genes, self.told.product)
        return {
            "growth": (own[growth_of(model).id], "/h"),
            "carbon closure": ((given + bound) / taken, "1"),
            "growth after the loss": (growth, "/h"),
            "product after the loss": (product, "mmol/h/g"),
        }


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The closer look, in the model and medium that [lab] simulated; carbon must close within 1 %.

    MOMA is told and refuses nothing: a cell may adapt. An own model is looked at first.

    Raises:
        BadInput: an own model that makes energy from nothing.
    """
    told = strain.setting(settings, "[finalists]")
    sbml = read(*told.file)
    if told.model not in strain.MODELS and find_spec("cobra"):
        from dure.fields.bioprocess.soundness import require_sound

        require_sound(sbml)
    check = StrainCheck(sbml, told, {"model": told.model, "product": told.product, "medium": dict(told.medium)})
    gates = [
        Gate("strain", "carbon closure", low=0.99, high=1.01, title=TITLES["carbon closure"]),
        Gate("strain", "growth", low=0.1, unit="/h", title=TITLES["growth"]),
    ]
    return Ladder.of([check], gates)
