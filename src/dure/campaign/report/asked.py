"""What was asked, of which candidates, and who answered."""

from __future__ import annotations

from dataclasses import replace

from dure.campaign.problem import Constraint
from dure.campaign.report.book import Book
from dure.campaign.report.data import Asked, Objective, Text
from dure.campaign.run import Run

LABORATORIES = {
    "replay": Text(
        "이미 측정된 값을 봉인해 두고 주문한 것만 읽는 재현 실험실",
        "a replay of values measured before, sealed and read well by ordered well",
    ),
    "manual": Text("사람이 수행하는 실험실", "a laboratory where people do the assays"),
    "simulated": Text("모의 실험 (측정이 아님)", "a simulator (nothing was measured)"),
}
STRATEGIES = {
    "dure": Text(
        "dure: 정확한 가우시안 과정으로 배우고, 남은 예산에 맞추어 탐색하며 서로 다른 후보를 한 번에 고릅니다",
        "dure: learns with an exact Gaussian process and picks batches that explore as the remaining budget allows",
    ),
    "gp-ei": Text(
        "gp-ei: 정확한 가우시안 과정으로 배우고 기대 향상이 큰 후보를 고릅니다",
        "gp-ei: learns with an exact Gaussian process and picks by expected improvement",
    ),
    "forest-greedy": Text(
        "forest-greedy: 랜덤 포레스트가 가장 높게 예측한 후보를 고릅니다",
        "forest-greedy: picks what a random forest predicts to be best",
    ),
    "diverse": Text("diverse: 결과와 관계없이 공간을 고루 덮습니다", "diverse: covers the space, whatever was found"),
    "random": Text("random: 무작위로 고릅니다", "random: draws at random"),
    "latin-hypercube": Text(
        "latin-hypercube: 결과와 관계없이 모든 매개변수를 고루 나누어 고릅니다",
        "latin-hypercube: spreads evenly over every parameter, whatever was found",
    ),
    "trust-region": Text(
        "trust-region: 가장 좋은 설계 둘레에서만 믿는 가우시안 과정으로, 잡음과 제약을 함께 배워 고릅니다",
        "trust-region: a Gaussian process trusted near the best design only, learning noise and constraints as well",
    ),
    "cma-es": Text(
        "cma-es: 설계의 분포를 세대마다 좋은 쪽으로 옮깁니다 (공분산 행렬 적응)",
        "cma-es: moves a distribution of designs towards the better ones, generation by generation",
    ),
}


def asked(book: Book) -> Asked:
    """The question of a campaign."""
    run, problem = book.run, book.run.problem
    budget, size, name = problem.budget, book.run.setup.size, problem.objective.property
    among_ko, among_en = (
        (f"후보 {size:,}개", f"{size:,} candidates") if size else ("설계 공간", "all designs of a space")
    )
    strategy = problem.strategy["name"]
    return Asked(
        question=Text(
            f"{among_ko} 가운데 {name} 값이 가장 좋은 것을 실험 {budget.assays:,}번 안에 찾기",
            f"Which of {among_en} have the best {name}, found with {budget.assays:,} assays?",
        ),
        objective=objective(book),
        pool=size,
        space=_space(run),
        batches=(budget.first, *([budget.batch] * budget.rounds)),
        strategy=STRATEGIES.get(strategy, Text(strategy, strategy)),
        laboratory=LABORATORIES[problem.lab["driver"]],
        constraints=tuple(_constraint(book, each) for each in problem.objective.constraints),
    )


def _constraint(book: Book, bound: Constraint) -> Text:
    title = book.title(bound.property)
    return Text(str(replace(bound, property=title.ko)), str(replace(bound, property=title.en)))


def objective(book: Book) -> Objective:
    """What was to be made better."""
    given = book.run.problem.objective
    titled = given.property in book.run.field_.property_titles
    reference = Text(f"기준: {given.reference}", f"relative to {given.reference}")
    return Objective(
        title=book.title(given.property),
        symbol=given.property,
        unit=given.unit,
        better="higher" if given.sign > 0 else "lower",
        decimals=book.decimals,
        note=reference if given.reference and not titled else None,
    )


def _space(run: Run) -> Text:
    setup = run.setup
    if setup.dataset is None:
        return Text("매개변수로 정한 공간", "a space given by its parameters")
    left = sum(setup.left_out.values())
    if not left:
        return Text(f"데이터세트 {setup.dataset}, 제외한 행 없음", f"dataset {setup.dataset}; no row was left out")
    why_ko, why_en = (
        ", ".join(f"{n} {_reason(run, r, lang)}" for r, n in setup.left_out.items()) for lang in ("ko", "en")
    )
    return Text(
        f"데이터세트 {setup.dataset}, 제외한 행 {left:,}개 ({why_ko})",
        f"dataset {setup.dataset}; {left:,} rows left out ({why_en})",
    )


def _reason(run: Run, reason: str, lang: str) -> str:
    return run.field_.property_titles.get(f"structure/{reason}", {}).get(lang, reason)
