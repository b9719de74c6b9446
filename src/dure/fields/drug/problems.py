"""The problems that the drug field ships: retrospective campaigns on published measurements."""

from __future__ import annotations

from typing import Any


def _published(part: str, target: str, target_ko: str, **more: Any) -> dict[str, Any]:
    """A replay of one target's published Ki: 50 first compounds, then eight batches of 24."""
    return {
        "title": {
            "en": f"{target} inhibitors among published compounds",
            "ko": f"공개 화합물 중 {target_ko} 저해제 찾기",
        },
        "space": {"kind": "pool", "source": "moleculeace", "part": part, "structure": "smiles"},
        "objective": {"property": "pKi", "unit": "1", "direction": "maximise", "reference": "mol/L"},
        "budget": {"first": 50, "batch": 24, "rounds": 8},
        "lab": {"driver": "replay", "column": "exp_mean [nM]", "unit": "nmol/L", "scale": "p"},
        "ladder": {"alerts": "flag", "windows": "flag"},
        "controls": {"seeds": 20, "noise_sd": 0.3},
        "seed": 1,
        **more,
    }


PROBLEMS: dict[str, dict[str, Any]] = {
    "jak2": _published("chembl2971_ki", "JAK2", "JAK2", finalists={"n": 5, "check": "pose", "target": "JAK2"}),
    "f2": _published(
        "chembl204_ki", "thrombin (F2)", "트롬빈(F2)", finalists={"n": 5, "check": "pose", "target": "F2"}
    ),
}
