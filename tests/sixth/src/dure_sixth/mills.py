"""An analysis of the field: whose flour a recipe should be baked with, by the trained crumb model."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow.parquet as pq

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import task
from dure_sixth.crumb import CRUMB, MILL, PROTEIN, SUGAR, predict


@task(version=1, distributions=("numpy",))
def compare(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The mean volume that the model predicts for each mill, and how much the recipe of a campaign stands above."""
    table = pq.read_table(io.BytesIO(inputs["table"]))
    told = predict({"model": inputs["model"], "table": inputs["table"]}, params, seed, progress)
    volume = pq.read_table(io.BytesIO(told["predictions"]))["value"].to_numpy()
    mills = table["mill"].to_pylist()
    if len(set(mills)) < 2:
        raise BadInput("one mill cannot be compared", remedy="give flours of two mills or more")
    means = {mill: float(volume[[each == mill for each in mills]].mean()) for mill in sorted(set(mills))}
    best = max(means, key=means.__getitem__)
    summary = [{"en": f"Buy from {best}.", "ko": f"{best}에서 사십시오."}]
    if "candidate" in inputs:
        kind, _, form = json.loads(inputs["candidate"])
        heat = form["temperature"]["value"]
        words = f"{kind}, {heat:g} °C, {params['lab']['panel']}"
        summary.append({"en": f"Bake it as {words}.", "ko": f"{words} 으로 구우십시오."})
    head = [{"en": "mill", "ko": "제분소"}, {"en": "volume", "ko": "부피"}]
    tables = [{"title": {"en": "Mills", "ko": "제분소들"}, "head": head, "rows": [list(row) for row in means.items()]}]
    picture = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 20"><text x="2" y="14">{}</text></svg>'
    pictures = {
        f"mills.{lang}.svg": picture.format(word).encode() for lang, word in (("en", "mills"), ("ko", "제분소"))
    }
    findings = {"summary": summary, "tables": tables, "passed": len(means) > 2}
    return {"findings": canonical(findings), "mills.txt": best.encode(), **pictures}


MILLS = Analysis(
    name="mills",
    title={"en": "Whose flour to bake with", "ko": "누구의 밀가루로 구울까"},
    run=compare,
    columns=(MILL, PROTEIN, SUGAR),
    template="mill,protein [%],sugar [mg/dL]\nA,12,100\n",
    model=CRUMB.name,
    simulators=("kitchens",),
    caveats={"en": ("A mill is no guarantee.",), "ko": ("제분소가 보장하지는 않습니다.",)},
)
