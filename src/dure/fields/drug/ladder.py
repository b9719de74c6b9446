"""The ladder of a drug pool: which gates hang on which rung, and what becomes of a molecule that does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dure.fields.drug.admet import SWANSON, Admet
from dure.fields.drug.checks import CATALOGUES, Alerts, Properties, Structure
from dure.verify.check import Check
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder

if TYPE_CHECKING:
    from dure.fields.drug.properties import Property

Action = Literal["refuse", "flag"]


def drug_ladder(alerts: Action = "flag", windows: Action = "flag") -> Ladder:
    """The ladder of a drug pool, docking left out: that is for finalists."""
    checks: list[Check] = [Structure(), Alerts(), Properties(), Admet()]
    return Ladder.of(checks, [*drug_gates(alerts, windows), *admet_gates()])


def drug_gates(alerts: Action = "flag", windows: Action = "flag") -> list[Gate]:
    """The gates of a drug pool. A structure that is not what it claims is refused; the rest only flags unless told.

    The windows are those of oral drugs (see `properties`), and published inhibitors break them often: 435 of the 976 of
    JAK2 are above 500 g/mol. A retrospective campaign that refused them would not be comparable with published ones.
    """
    from dure.fields.drug.properties import PROPERTIES

    structure = {"ko": "구조", "en": "the structure"}
    stereo = {"ko": "정해지지 않은 입체", "en": "undefined stereo"}
    gates = [
        Gate("structure", "structure", low=1, title=structure),
        Gate("structure", "undefined_stereo", high=0, action="flag", title=stereo),
    ]
    for name, (_, ko, en, source) in CATALOGUES.items():
        gates.append(Gate("alerts", name, high=0, action=alerts, title={"ko": ko, "en": en}, source=source))
    for item in PROPERTIES:
        if item.source:
            gates.append(_window(item, windows))
    return gates


def _window(item: Property, action: Action) -> Gate:
    title = {"ko": item.ko, "en": item.en}
    return Gate("properties", item.name, item.low, item.high, (), item.unit, action, title, item.source)


def admet_gates(action: Action = "flag") -> list[Gate]:
    """Gates on four predicted liabilities: more likely than not, by the model's own probability."""
    titles = {
        "AMES": ("변이원성 예측 (Ames)", "predicted mutagenicity (Ames)"),
        "DILI": ("간 손상 예측 (DILI)", "predicted liver injury (DILI)"),
        "ClinTox": ("임상 독성 예측", "predicted clinical toxicity"),
        "hERG": ("hERG 차단 예측", "predicted hERG block"),
    }
    return [
        Gate("admet", f"admet.{name}", high=0.5, action=action, title={"ko": ko, "en": en}, source=SWANSON)
        for name, (ko, en) in titles.items()
    ]
