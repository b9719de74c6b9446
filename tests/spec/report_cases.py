"""A made-up campaign in the shape of the JAK2 demo, and smaller ones, to print reports of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dure.base.canonical import digest
from dure.campaign.report.data import (
    Absent,
    Answer,
    Asked,
    Assay,
    ChartLimits,
    Checkpoint,
    ControlCurve,
    Cost,
    Discovery,
    Fact,
    FailedOrder,
    Finalist,
    Finding,
    GateCount,
    Ladder,
    ModelQuality,
    Objective,
    Plate,
    Plates,
    Provenance,
    Reason,
    Refusal,
    ReportData,
    RoundQuality,
    Score,
    Shift,
    Source,
    SpaceMap,
    Text,
    Value,
)
from dure.campaign.statistics import (
    Band,
    Hits,
    against_random,
    against_ranking,
    against_seeds,
    by_group,
    noise_ceiling,
    quality,
    random_expectation,
    recall_under_noise,
    seed_band,
    stopping_curve,
    yield_of,
)

POOL, FIRST, BATCH, ROUNDS = 976, 50, 24, 9
SMILES = (
    "C[C@@H]1CCN(C[C@@H]1N(C)c1ncnc2[nH]ccc12)C(=O)CC#N",
    "N#CC[C@H](C1CCCC1)n1cc(cn1)-c1ncnc2[nH]ccc12",
    "CCS(=O)(=O)N1CC(CC#N)(C1)n1cc(cn1)-c1ncnc2[nH]ccc12",
    "CC(C)(C)NS(=O)(=O)c1cccc(Nc2nc(Nc3ccc(OCCN4CCCC4)cc3)ncc2C)c1",
    "C1CCN(C1)CCOc1ccc2cc1COCC=CCOCc1cccc(c1)-c1ccnc(N2)n1",
)


def both(ko: str, en: str) -> Text:
    return Text(ko, en)


def molecule(smiles: str) -> str:
    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DSVG(300, 200)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, Chem.MolFromSmiles(smiles))
    drawer.FinishDrawing()
    return str(drawer.GetDrawingText())


def candidate(i: int) -> str:
    return digest(["molecule", {"made-up": i}])


class MadeUp:
    """One simulated campaign: a true activity that grows with size and depends on the place in a plane."""

    def __init__(self, seed: int = 0, noise_only: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.ids = [candidate(i) for i in range(POOL)]
        centres = rng.normal(0, 2.2, (60, 2))
        self.scaffold = np.minimum(rng.geometric(0.07, POOL), 60) - 1
        self.place = centres[self.scaffold] + rng.normal(0, 0.55, (POOL, 2))
        self.heavy = np.clip(rng.normal(27, 5, POOL), 14, 45).round()
        signal = rng.normal(0, 0.45, 60)[self.scaffold] + 0.075 * (self.heavy - 27) + rng.normal(0, 0.45, POOL)
        truth = rng.normal(8.3, 0.85, POOL) if noise_only else 8.2 + signal
        top = np.sort(truth)[-10:]
        self.truth = np.clip(truth, 5, top[4]).round(2)
        self.values = dict(zip(self.ids, self.truth.tolist(), strict=True))
        self.hits = Hits.top_percent(self.values)
        self.order, self.round, self.foreseen = self._run(rng)
        self.rng = rng

    def _run(self, rng):
        order = list(rng.permutation(POOL)[:FIRST])
        rounds, foreseen = [1] * FIRST, [(None, None)] * FIRST
        for number in range(2, ROUNDS + 1):
            error = 0.75 / np.sqrt(number)
            sd = rng.uniform(0.8, 1.4, POOL) * error
            guess = 0.75 * self.truth + 0.25 * self.truth[order[:FIRST]].mean() + rng.normal(0, error, POOL)
            score = guess + 2 * sd
            score[order] = -np.inf
            batch = np.argsort(-score)[:BATCH]
            foreseen += [(float(guess[i]), float(sd[i])) for i in batch]
            order += list(batch)
            rounds += [number] * BATCH
        return order, rounds, foreseen


def assays_of(made: MadeUp) -> tuple[Assay, ...]:
    rows, known = [], set()
    for n, (i, r, (mean, sd)) in enumerate(zip(made.order, made.round, made.foreseen, strict=True)):
        before = {made.scaffold[j] for j, rj in zip(made.order, made.round, strict=True) if rj < r} if r > 1 else known
        value = Value(float(made.truth[i]), "1", "measured", f"W{n:05}", decimals=2)
        novel = None if r == 1 else bool(made.scaffold[i] not in before)
        rows.append(Assay(n + 1, r, made.ids[i], f"JK-{i:04}", value, mean, sd, novel))
    return tuple(rows)


def round_quality(title: Text, rows: list[Assay], mean: float) -> RoundQuality:
    truth = [a.value.value for a in rows]
    near = [t + (0.9 if k % 2 else -0.75) for k, t in enumerate(truth)]
    predicted = quality([a.predicted for a in rows], truth, [a.predicted_sd for a in rows])
    return RoundQuality(title, predicted, quality(near, truth), quality([mean] * len(truth), truth))


def model_quality(assays: tuple[Assay, ...]) -> ModelQuality:
    later = [a for a in assays if a.predicted is not None]
    mean = float(np.mean([a.value.value for a in assays if a.round == 1]))
    rounds = [round_quality(both(str(r), str(r)), [a for a in later if a.round == r], mean) for r in range(2, 10)]
    names = {"new": both("처음 보는 골격", "new scaffold"), "seen": both("본 적 있는 골격", "scaffold seen before")}
    grouped = by_group(
        ["new" if a.novel else "seen" for a in later],
        [a.predicted for a in later],
        [a.value.value for a in later],
        [a.predicted_sd for a in later],
    )
    groups = tuple(RoundQuality(names[name], figures) for name, figures in grouped.items())
    overall = round_quality(both("모두", "All"), later, mean)
    return ModelQuality("gp-minmax@1#3f2a", tuple(rounds), overall, groups, names["seen"], names["new"])


def finding(made: MadeUp, assay: Assay, smiles: str | None) -> Finding:
    number = int(assay.name[3:])
    ki = 10 ** (9 - assay.value.value)
    facts = [Fact(both("결합 상수", "Ki"), Value(ki, "nmol/L", "measured", assay.value.trace))]
    if assay.predicted is not None:
        half = 1.96 * assay.predicted_sd
        foreseen = Value(
            assay.predicted, "1", "predicted", f"T-{assay.number}", assay.predicted - half, assay.predicted + half
        )
        facts.append(Fact(both("읽기 전 예측", "predicted before"), replace(foreseen, decimals=2)))
    facts.append(
        Fact(
            both("도킹 점수", "docking score"),
            Value(-9.1 + number % 7 / 10, "kcal/mol", "simulated", "T-d", decimals=1),
        )
    )
    facts.append(
        Fact(both("약물다움", "drug-likeness"), Value(0.41 + number % 40 / 100, "1", "rule", "T-q", decimals=2))
    )
    flags = (both("구조 경고: 마이클 받개", "structural alert: Michael acceptor"),) if number % 4 == 0 else ()
    drawing = molecule(smiles) if smiles else None
    return Finding(assay.candidate, assay.name, assay.value, drawing, tuple(facts), flags, assay.round)


def answer(made: MadeUp, assays: tuple[Assay, ...]) -> Answer:
    best = sorted(assays, key=lambda a: (-a.value.value, a.candidate))[:10]
    found = made.hits.found(a.candidate for a in assays)
    read = {a.candidate: a.value.value for a in assays}
    scaffolds = {made.ids[i]: str(made.scaffold[i]) for i in range(POOL)}
    summary = yield_of(read, scaffolds, made.hits)
    drawn: list[str | None] = [*SMILES, *[None] * 5]
    return Answer(
        tuple(finding(made, a, smiles) for a, smiles in zip(best, drawn, strict=True)),
        best[0].value,
        Value(summary.mean_best, "1", "measured", "C-demo", decimals=2),
        best[0].number,
        (Score(both("상위 1 %", "Top 1 %"), found, made.hits.k),),
        (both("찾은 것의 골격 수", "Scaffolds among the hits"), summary.scaffolds or 0),
    )


def discovery(made: MadeUp, assays: tuple[Assay, ...]) -> tuple[Discovery, tuple]:
    steps, chosen = tuple(range(len(assays) + 1)), [a.candidate for a in assays]
    ranked = [made.ids[i] for i in np.lexsort((made.ids, -made.heavy))][: len(chosen)]

    def runs(pull: float) -> list[list[int]]:
        drawn = []
        for _ in range(20):
            score = pull * made.truth + made.rng.normal(0, 1, POOL)
            first = list(made.rng.permutation(POOL)[:FIRST])
            rest = [i for i in np.argsort(-score) if i not in set(first)]
            picked = [made.ids[i] for i in [*first, *made.rng.permutation(rest[: len(chosen) - FIRST])]]
            drawn.append(made.hits.curve(picked))
        return drawn

    permuted, simple = runs(0.12), runs(0.75)
    ranking = tuple(float(x) for x in made.hits.curve(ranked))
    controls = (
        ControlCurve("random", both("무작위", "random selection"), random_expectation(made.hits, steps)),
        ControlCurve("permuted", both("섞은 되먹임", "permuted feedback"), seed_band(permuted)),
        ControlCurve("ranking", both("무거운 원자 수 차례", "ranking by heavy atoms"), Band(ranking, ranking, ranking)),
        ControlCurve("simple", both("단순한 모델", "simple model"), seed_band(simple)),
    )
    found = Discovery(
        made.hits.k,
        len(made.hits.ids),
        Value(made.hits.threshold, "1", "measured", "DS-JAK2", decimals=2),
        steps,
        tuple(made.hits.curve(chosen)),
        controls,
        noise_ceiling(made.values, made.hits, steps, made.rng, draws=200),
        recall_under_noise(made.values, chosen, made.hits.k, made.rng, draws=200),
    )
    verdicts = (
        against_random(made.hits, chosen),
        against_seeds("permuted", found.campaign[-1], [c[-1] for c in permuted]),
        against_ranking("ranking", made.hits, chosen, ranked),
        against_seeds("simple", found.campaign[-1], [c[-1] for c in simple]),
    )
    return found, verdicts


def ladder() -> Ladder:
    alerts = (
        Reason(both("BRENK: 마이클 받개", "BRENK: Michael acceptor"), 0, 41),
        Reason(both("PAINS: 카테콜", "PAINS: catechol"), 0, 22),
    )
    return Ladder(
        (
            GateCount(
                both("구조 표준화", "structure standardises"),
                "rule",
                242,
                2,
                0,
                (Reason(both("두 성분의 섞임", "mixture of two components"), 2, 0),),
            ),
            GateCount(both("구조 경고", "structural alerts"), "rule", 240, 0, 63, alerts),
            GateCount(
                both("성질 범위", "property window"),
                "rule",
                240,
                0,
                31,
                (Reason(both("분자량 500 초과", "molecular weight above 500"), 0, 31),),
            ),
        ),
        (
            (
                both("흡수·독성 예측", "ADMET prediction"),
                both("admet 추가 꾸러미가 깔려 있지 않음", "the admet extra is not installed"),
            ),
        ),
        (
            Refusal(
                candidate(3),
                "JK-0003",
                both("구조 표준화", "structure standardises"),
                both("두 성분의 섞임", "mixture of two components"),
            ),
        ),
    )


def plate(number: int, reference: float | None, why: str = "") -> Plate:
    """One of a series whose reference compound is judged from the fourth plate on."""
    file = digest(["results", number])

    def rule(value: float, unit: str, decimals: int) -> Value:
        return Value(value, unit, "rule", file, decimals=decimals)

    texts = {
        "": ("accepted", ()),
        "drift": (
            "flagged",
            (
                both(
                    "열을 따라 신호 폭의 +31 % 흐름 (p = 0.0004)",
                    "columns drift by +31 % of the signal span (p = 0.0004)",
                ),
            ),
        ),
        "void": ("refused", (both("Z′ 0.12, 0.4 미만", "Z′ 0.12, below 0.4"),)),
        "out": (
            "refused",
            (
                both(
                    "기준 화합물이 관리 한계를 벗어남(1-3s): 6.38, 플레이트 9장의 한계 6.82–7.18",
                    "the reference compound is out of control (1-3s): 6.38, limits 6.82 to 7.18 over 9 plates",
                ),
            ),
        ),
    }
    verdict, reasons = texts[why]
    return Plate(
        round=1 + number // 4,
        name=f"4F1C-R{1 + number // 4:02d}-{1 + number % 4:02d}",
        verdict=verdict,
        why=reasons,
        zprime=rule(0.12 if why == "void" else 0.71 + number % 3 / 20, "1", 2),
        signal_window=rule(1.1 if why == "void" else 6.5 + number % 4, "1", 1),
        edge=Shift(rule(2.0 - number % 5, "%", 0), 0.31),
        columns=Shift(rule(31.0 if why == "drift" else 3.0, "%", 0), 0.0004 if why == "drift" else 0.42),
        rows=None if number == 2 else Shift(rule(-4.0, "%", 0), 0.2),
        reference=None if reference is None else Value(reference, "1", "measured", file, decimals=2),
        limits=ChartLimits(7.0, 6.82, 7.18) if number > 2 else None,
        out_of_control=why == "out",
        history=8 + number // 4,
    )


def plates() -> Plates:
    """Nine plates: one drifts, two are void, the reference compound of one is out of control."""
    values = (7.02, 6.95, 7.06, 7.01, None, 6.93, 7.1, 6.38, 6.99)
    why = {3: "drift", 4: "void", 5: "void", 7: "out"}
    refused = both("플레이트가 거절됨", "its plate was refused")
    apart = both("반복이 서로 어긋남", "the replicates contradict each other")
    return Plates(
        plates=tuple(plate(i, value, why.get(i, "")) for i, value in enumerate(values)),
        simulated=False,
        reference="tofacitinib",
        symbol="pIC50",
        msr=Value(1.62, "1", "rule", digest(["results", 8]), n=15),
        failed=(
            FailedOrder(candidate(1), "JK-0001", digest("order 1"), 2, "4F1C-R02-01", refused),
            FailedOrder(candidate(2), "JK-0002", digest("order 2"), 2, "4F1C-R02-04", refused),
            FailedOrder(
                candidate(7),
                "JK-0007",
                digest("order 7"),
                3,
                "4F1C-R03-01",
                apart,
                both("0.81 로그 단위 차이 (6.02–6.83)", "0.81 log units apart (6.02 to 6.83)"),
            ),
        ),
        orders=50,
    )


def provenance() -> Provenance:
    return Provenance(
        (
            Source(
                both("야누스 인산화효소 2의 결합 상수 (ChEMBL2971)", "JAK2 binding constants (CHEMBL2971)"),
                "DS-4K7Q1ZP0M3XA",
                "MoleculeACE 3.0.0",
                "MIT",
                "CC-BY-SA-3.0",
                "van Tilborg, D.; Alenicheva, A.; Grisoni, F. Exposing the limitations of molecular machine learning "
                "with activity cliffs. J. Chem. Inf. Model. 2022, 62, 5938.",
                "sha256:" + "4f" * 32,
                both("출처를 밝히고 같은 조건으로 나눌 것", "name the source, share alike"),
            ),
        ),
        "dure 0.1.0 (commit 98281e9)",
        "3.11.9",
        "Linux x86_64, 2 cores",
        ((both("캠페인", "campaign"), "1"), (both("대조군", "controls"), "1 … 20")),
        tuple((name, f"{i}.{i + 2}.0") for i, name in enumerate(["numpy", "scipy", "rdkit", "polars", "pyarrow"], 1)),
        Checkpoint(1204, "b3Rvb3RoYXNoIG9mIHRoZSBsZWRnZXIgYXQgdGhlIGVuZA==", "dure.example/hub-3F8K+1f2a9c04"),
        (
            (both("문제", "problem"), digest("problem")),
            (both("끝 상태", "final state"), digest("state")),
            (both("모델", "model"), digest("model")),
            (both("결과 자료", "result dataset"), "DS-91ZK0PA3TT7C"),
        ),
    )


def jak2(seed: int = 0, noise_only: bool = False) -> ReportData:
    made = MadeUp(seed, noise_only)
    assays = assays_of(made)
    found, verdicts = discovery(made, assays)
    results = answer(made, assays)
    rest = sorted(set(range(POOL)) - {int(i) for i in made.order})
    stop = stopping_curve(made.truth[rest] + 0.2, np.full(len(rest), 0.55), results.best.value)
    finalists = tuple(
        Finalist(
            f.candidate,
            f.name,
            "passed" if i != 3 else "flagged",
            (
                Fact(
                    both("도킹 점수", "docking score"),
                    Value(-9.4 + i / 5, "kcal/mol", "simulated", f"T-pose-{i}", decimals=1),
                ),
            ),
            (
                (both("분자 구조가 온전함", "sound geometry"), True),
                (both("단백질과 겹치지 않음", "no clash with the protein"), i != 3),
            ),
            (both(f.drawing, f.drawing),) if f.drawing else (),
        )
        for i, f in enumerate(results.findings[:5])
    )
    objective = Objective(
        both("야누스 인산화효소 2에 대한 결합력", "binding to Janus kinase 2"),
        "pKi",
        "1",
        "higher",
        2,
        both(
            "pKi = −log₁₀(Ki / (mol/L)); 9는 1 nM, 10은 0.1 nM", "pKi = −log₁₀(Ki / (mol/L)); 9 is 1 nM, 10 is 0.1 nM"
        ),
    )
    asked = Asked(
        both(
            "이미 알려진 화합물 976개 가운데 JAK2에 가장 세게 붙는 것을 적은 시험으로 찾을 수 있는가?",
            "Can the strongest JAK2 binders among 976 known compounds be found with few assays?",
        ),
        objective,
        POOL,
        both("MoleculeACE에 실린 ChEMBL 화합물", "ChEMBL compounds from MoleculeACE"),
        (FIRST, *[BATCH] * (ROUNDS - 1)),
        both("가우스 과정과 상한 신뢰도 (묶음)", "Gaussian process with batch upper confidence bound"),
        both("발표된 측정값을 봉인된 판에서 되읽는 실험실", "replay of published measurements from a sealed plate"),
    )
    return ReportData(
        title=both("JAK2에 가장 세게 붙는 화합물 찾기", "The strongest JAK2 binders in 242 assays"),
        campaign=digest("campaign"),
        status="finished",
        started="2026-03-02T09:00:00.000000Z",
        ended="2026-03-02T09:02:31.000000Z",
        stopped=both("계획한 시험을 모두 썼습니다.", "All planned assays were used."),
        asked=asked,
        answer=results,
        assays=assays,
        discovery=found,
        verdicts=verdicts,
        ladder=ladder(),
        plates=Absent(both("이 실험실은 플레이트를 내놓지 않습니다", "this laboratory gives no plates")),
        quality=model_quality(assays),
        space=SpaceMap(
            both("지문의 주성분 분석", "PCA of fingerprints"),
            tuple(made.ids),
            tuple(made.place[:, 0].tolist()),
            tuple(made.place[:, 1].tolist()),
            tuple(sorted(made.hits.ids)),
            POOL,
        ),
        finalists=finalists,
        cost=Cost(
            242,
            242,
            140.8,
            96.0,
            None,
            (
                (both("특징 계산", "features"), 21.0),
                (both("고르기", "choosing"), 7.4),
                (both("대조군", "controls"), 24.1),
                (both("도킹", "docking"), 88.3),
            ),
        ),
        stopping=stop,
        early_reads=(),
        provenance=provenance(),
        retrospective=True,
        limits=(
            both(
                "도킹 점수는 이 표적에서 측정 활성을 거의 가리지 못합니다.",
                "Docking scores hardly rank measured activity on this target.",
            ),
        ),
        resolution=both(
            "0.3보다 작은 pKi 차이는 한 번의 측정으로 가릴 수 없습니다.",
            "Differences in pKi under 0.3 cannot be told apart by one measurement.",
        ),
    )


def waiting() -> ReportData:
    """A manual laboratory after its first batch: no truth is known, no model has foreseen anything yet."""
    data = jak2()
    sealed = Absent(
        both(
            "참값을 모르는 실험이므로 찾은 비율을 셀 수 없습니다.",
            "The truth is not known here, so recall cannot be counted.",
        )
    )
    early = Absent(
        both("첫 묶음을 읽은 뒤에야 예측이 생깁니다.", "Predictions exist only after the first batch is read.")
    )
    assert isinstance(data.answer, Answer)
    return replace(
        data,
        status="waiting",
        ended=None,
        retrospective=False,
        stopped=both("주문 O-17의 결과를 기다립니다.", "Waits for the results of order O-17."),
        assays=data.assays[:FIRST],
        answer=replace(data.answer, scores=sealed, variety=None),
        discovery=sealed,
        verdicts=sealed,
        plates=plates(),
        quality=early,
        stopping=early,
        finalists=early,
        early_reads=sealed,
        cost=Cost(50, 242, 12.0, 86_400.0, (1_250_000, "KRW")),
    )
