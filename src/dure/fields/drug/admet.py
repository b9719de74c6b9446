"""Predictions of what the body does with a molecule, by ADMET-AI where it is installed."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.drug.checks import Found, needs, smiles_of, tell

SWANSON = "Swanson et al. 2024, Bioinformatics 40:btae416, doi 10.1093/bioinformatics/btae416"


@dataclass(frozen=True)
class Admet:
    """Absorption, distribution, metabolism, excretion and toxicity as ADMET-AI predicts them.

    Swanson et al. 2024, Bioinformatics 40:btae416, doi 10.1093/bioinformatics/btae416; the weights are in the package.
    It was trained on the Therapeutics Data Commons, so it is never to be scored there. Endpoints that are classes are
    probabilities; the others are as its authors give them, and are not clipped to what is physically possible.
    """

    name = "admet"
    version = 1
    kind = "predicted"
    cost = 0.05

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"digits": 4}

    def missing(self) -> str | None:
        return needs("admet_ai", "admet")

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        smiles = {candidate.id: smiles_of(candidate) for candidate in candidates}
        if not smiles:
            return tell(self, [], lambda candidate: ())
        with _quiet():
            table = _admet_model().predict(smiles=sorted(set(smiles.values())))
        told = table[[name for name in table.columns if name in _ADMET_UNITS or name in _ADMET_CLASSES]]
        unknown = [one for one in smiles.values() if one not in told.index]
        if unknown:
            raise BadInput(f"ADMET-AI cannot read {unknown[0][:60]}", where="check admet")
        return tell(self, candidates, lambda candidate: _predictions(told.loc[smiles[candidate.id]]))


_ADMET_UNITS = {
    "Caco2_Wang": "1",
    "Clearance_Hepatocyte_AZ": "uL/min/10*6",
    "Clearance_Microsome_AZ": "uL/min/mg",
    "Half_Life_Obach": "h",
    "HydrationFreeEnergy_FreeSolv": "kcal/mol",
    "LD50_Zhu": "1",
    "Lipophilicity_AstraZeneca": "1",
    "PPBR_AZ": "%",
    "Solubility_AqSolDB": "1",
    "VDss_Lombardo": "L/kg",
}
_ADMET_CLASSES = frozenset(
    {
        "AMES",
        "BBB_Martins",
        "Bioavailability_Ma",
        "CYP1A2_Veith",
        "CYP2C19_Veith",
        "CYP2C9_Substrate_CarbonMangels",
        "CYP2C9_Veith",
        "CYP2D6_Substrate_CarbonMangels",
        "CYP2D6_Veith",
        "CYP3A4_Substrate_CarbonMangels",
        "CYP3A4_Veith",
        "Carcinogens_Lagunin",
        "ClinTox",
        "DILI",
        "HIA_Hou",
        "NR-AR-LBD",
        "NR-AR",
        "NR-AhR",
        "NR-Aromatase",
        "NR-ER-LBD",
        "NR-ER",
        "NR-PPAR-gamma",
        "PAMPA_NCATS",
        "Pgp_Broccatelli",
        "SR-ARE",
        "SR-ATAD5",
        "SR-HSE",
        "SR-MMP",
        "SR-p53",
        "Skin_Reaction",
        "hERG",
    }
)


def _predictions(row: Any) -> Found:
    for name, value in row.items():
        # The last digits of a network's answer depend on the batch it was asked in.
        yield f"admet.{name}", round(float(value), 4), _ADMET_UNITS.get(name, "1")


@cache
def _admet_model() -> Any:
    from admet_ai import ADMETModel

    return ADMETModel(include_physchem=False, drugbank_path=None, num_workers=0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps progress bars, advice and warnings of the neural libraries off both streams."""
    logging.disable(logging.WARNING)
    sink = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
