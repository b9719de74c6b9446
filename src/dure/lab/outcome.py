"""What a laboratory measures and how it is judged; and what comes of an order: a result or a failure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from dure.base.canonical import digest
from dure.lab.curves import Curve, CurveSettings
from dure.lab.potency import CONCORDANT, Concentration, cheng_prusoff
from dure.lab.quality import QualityLimits
from dure.lab.resultfile import Sample

POTENCIES = ("pIC50", "pEC50", "pAC50", "pKi", "pKd")

FAILURES = {
    "plate-refused": "the plate was refused",
    "no-value": "the laboratory gave no value",
    "no-curve": "no curve could be fitted",
    "curve-undetermined": "the points do not determine the curve",
    "replicates-discordant": "the replicates contradict each other",
}


@dataclass(frozen=True)
class Protocol:
    """What the laboratory measures and how it is judged; its digest is part of the method of every value.

    Attributes:
        measures: the property: `pIC50`, `pEC50`, `pAC50`, `pKi`, `pKd` (dose-response), or another, such as
            `inhibition` in `%`.
        unit: of the property, UCUM.
        wells: 96 or 384.
        falling: whether the positive control has the lower signal; None where that is not known.
        substrate: its concentration, for a pKi from IC50.
        km: of the substrate, for a pKi from IC50.
        concordant: replicates further apart (log10) contradict each other.
        max_se: a curve whose log IC50 is less certain (log10) determines nothing.
        flag_purity: samples less pure (per cent) are flagged.
        curve: what a curve may look like.
        limits: when a plate is doubtful or void.
    """

    measures: str = "pIC50"
    unit: str = "1"
    wells: int = 96
    falling: bool | None = None
    substrate: Concentration | None = None
    km: Concentration | None = None
    concordant: float = CONCORDANT
    max_se: float = 1.0
    flag_purity: float = 90.0
    curve: CurveSettings = field(default_factory=CurveSettings)
    limits: QualityLimits = field(default_factory=QualityLimits)

    @property
    def is_potency(self) -> bool:
        """Whether the property is the logarithm of a concentration."""
        return self.measures in POTENCIES

    @property
    def shift(self) -> float:
        """From pIC50 to the property; `BadInput` where a pKi is wanted and [S] or Km is not given."""
        if self.measures != "pKi":
            return 0.0
        return float(cheng_prusoff(0.0, substrate=self.substrate, km=self.km))

    def method(self, name: str) -> str:
        """`name@version#settings digest`, as evidence wants it."""
        settings = asdict(self) | {"curve": self.curve.as_dict()}
        return f"{name}@1#{digest(settings).removeprefix('b3:')[:12]}"


@dataclass(frozen=True)
class Measured:
    """One order's result.

    Attributes:
        order, candidate: their ids.
        property, value, unit, qualifier: as in evidence; a censored value is the bound.
        sd: of the value itself, not of one replicate; NaN where it is not known.
        lower, upper: 95 % interval; NaN where it is not known.
        n: replicates.
        method: name, version and settings digest.
        sample: lot, salt and purity.
        source: plate and wells, and the rows of the file.
        flags: what to keep in mind; nothing was changed because of them.
        curves: one for each replicate, where there are any.
    """

    order: str
    candidate: str
    property: str
    value: float
    unit: str
    qualifier: str
    sd: float
    lower: float
    upper: float
    n: int
    method: str
    sample: Sample
    source: str
    flags: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class Failed:
    """An order without a result: a key of `FAILURES`, the reason in words, and the plate it lies on."""

    order: str
    candidate: str
    code: str
    reason: str
    plate: str = ""


def flags_of(sample: Sample, protocol: Protocol) -> tuple[str, ...]:
    """What the sample itself gives to keep in mind."""
    low = sample.purity < protocol.flag_purity
    return (f"the sample is {sample.purity:g} % pure, below {protocol.flag_purity:g} %",) if low else ()
