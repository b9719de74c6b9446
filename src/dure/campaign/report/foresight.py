"""How well the model foresaw what was read, and what it expects of those left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, ModelQuality, RoundQuality, Text
from dure.campaign.run import Run
from dure.campaign.statistics import Stopping, nearest_neighbour, quality, stopping_curve
from dure.design.contract import Knowledge
from dure.design.pool import PoolSpace


@dataclass(frozen=True)
class Foreseen:
    """One reading that had been predicted, beside what plainer rules would have said.

    Attributes:
        candidate, round: which.
        constant: the mean of all values known before its round.
        nearest: the value of the most similar candidate known before; None where likeness is not defined.
        novel: whether its group had not been tested before.
    """

    candidate: str
    round: int
    constant: float
    nearest: float | None
    novel: bool


def overall_quality(run: Run, foreseen: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Metrics of all predictions made before reading, for a model's card."""
    values = {m.candidate: float(m.value or 0.0) for m in run.state.measured if m.candidate in foreseen}
    ids = sorted(values)
    truth = [values[i] for i in ids]
    found = quality([foreseen[i][0] for i in ids], truth, [foreseen[i][1] for i in ids])
    constant = quality([float(np.mean(truth))] * len(ids), truth) if ids else None
    return {"model": _plain(asdict(found)), "constant": _plain(asdict(constant)) if constant else None}


def _plain(metrics: dict[str, Any]) -> dict[str, Any]:
    return {**metrics, "coverage": [list(each) for each in metrics["coverage"]]}


def model_quality(book: Book) -> ModelQuality | Absent:
    """Every batch after the first, predicted before it was read."""
    rows = _foreseen(book)
    if not rows:
        return Absent(
            Text("예측을 남긴 뒤 읽은 값이 아직 없습니다", "no value was read yet after a prediction was written down")
        )
    rounds = [
        _compared(book, Text(str(n), str(n)), [row for row in rows if row.round == n])
        for n in sorted({row.round for row in rows})
    ]
    words = _group_words(book)
    groups = [
        _compared(book, title, [row for row in rows if row.novel is novel])
        for novel, title in sorted(words.items())
        if any(row.novel is novel for row in rows)
    ]
    overall = _compared(book, Text("전체", "all"), rows)
    return ModelQuality(
        book.run.strategy.name, tuple(rounds), overall, tuple(groups), words.get(False), words.get(True)
    )


def _group_words(book: Book) -> dict[bool, Text]:
    """What the field calls candidates of a group tested before, and of a new one."""
    group = book.run.field_.group_title
    if not group or book.run.field_.group is None:
        return {}
    return {
        False: Text(f"이미 시험한 {group['ko']}", f"{group['en']} tested before"),
        True: Text(f"새 {group['ko']}", f"new {group['en']}"),
    }


def _foreseen(book: Book) -> list[Foreseen]:
    rows: list[Foreseen] = []
    known: list[str] = []
    seen: set[str] = set()
    likeness = _likeness(book)
    for turn in book.run.state.rounds:
        batch = [m.candidate for m in turn.results or () if m.failed is None]
        # A bound is no truth that a prediction could be held against.
        exact = {m.candidate for m in turn.results or () if m.qualifier == "="}
        told = [c for c in batch if c in book.foreseen and c in exact] if known else []
        groups = book.groups(batch)
        near = likeness.nearest(book, told, known) if likeness and told else [None] * len(told)
        mean = float(np.mean([book.measured[k] for k in known])) if told else 0.0
        rows += [Foreseen(c, turn.number, mean, n, groups.get(c) not in seen) for c, n in zip(told, near, strict=True)]
        known += batch
        seen.update(groups.values())
    return rows


def _compared(book: Book, title: Text, rows: Sequence[Foreseen]) -> RoundQuality:
    truth = [book.measured[row.candidate] for row in rows]
    mean, sd = zip(*(book.foreseen[row.candidate] for row in rows), strict=True)
    near = [row.nearest for row in rows if row.nearest is not None]
    return RoundQuality(
        title,
        quality(mean, truth, sd),
        quality(near, truth) if len(near) == len(rows) else None,
        quality([row.constant for row in rows], truth),
    )


class _Likeness:
    """How alike the tested candidates of a pool are: of them alone, however large the pool."""

    def __init__(self, pool: PoolSpace, tested: Sequence[str]) -> None:
        from dure.design.kernels import pool_kernels

        self.place = {candidate: i for i, candidate in enumerate(tested)}
        self.kernel = pool_kernels(pool)[0].among(pool.position(list(tested)))

    def nearest(self, book: Book, batch: Sequence[str], known: Sequence[str]) -> list[float | None]:
        """What the most similar candidate measured before would have foretold, one a candidate of the batch."""
        rows = self.kernel.rows([self.place[c] for c in batch])[:, [self.place[c] for c in known]]
        return list(map(float, nearest_neighbour(rows, [book.measured[k] for k in known])))


def _likeness(book: Book) -> _Likeness | None:
    return _Likeness(book.pool, list(book.measured)) if book.pool and book.measured else None


def _best(knowledge: Knowledge) -> float:
    """The best value that is more than a bound on how bad it is; of bounds alone the lowest."""
    known = [v for v, q in zip(knowledge.values.tolist(), knowledge.qualifiers, strict=True) if q != "<"]
    return max(known, default=float(np.min(knowledge.values)))


def stopping(book: Book) -> Stopping | Absent:
    """The chance that something better is among the next assays."""
    run, pool = book.run, book.pool
    if pool is None or not book.measured:
        return Absent(Text("후보 목록이 없어 계산하지 않았습니다", "not computed: the space has no list"))
    knowledge = run.knowledge()
    taken = knowledge.taken
    rest = [i for i, candidate in enumerate(pool.ids) if candidate not in taken]
    if not rest:
        return Absent(Text("남은 후보가 없습니다", "no candidate is left"))
    expected = run.strategy.predict(pool, knowledge, pool.take(rest))
    if expected is None:
        return Absent(Text("이 전략에는 모델이 없습니다", "this strategy has no model"))
    return stopping_curve(expected.mean, expected.sd, _best(knowledge))
