"""A Gaussian process as a model that can be kept: its parameters are what it has seen.

The process is exact, so nothing is learnt that its training values and its kernel do not fix; it is stored as those
values (npz, no pickle) and fitted again when it is opened.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dure.base.canonical import canonical, digest
from dure.design.candidate import Candidate
from dure.design.contract import Floats, Knowledge, Prediction, Space
from dure.design.strategies import strategy


@dataclass(frozen=True)
class ProcessModel:
    """Values of candidates, and the strategy whose process learns from them.

    Attributes:
        strategy: its stable name.
        candidates: what was measured.
        values: shape (candidates,), more is better.
        qualifiers: `=`, `<` or `>` of each.
    """

    strategy: str
    candidates: tuple[Candidate, ...]
    values: Floats
    qualifiers: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Named by its parameters, not by the file that holds them."""
        ids = [candidate.id for candidate in self.candidates]
        return digest(["process", self.strategy, ids, self.values.tolist(), list(self.qualifiers)])

    def predict(self, candidates: Sequence[Candidate], space: Space) -> Prediction:
        """Mean and sd of a new measurement of each candidate; more is better.

        Args:
            space: the one it has learnt in, which holds the candidates. Real features are compared by their ranks
                within a pool: in another pool, or among those asked for alone, it would be another model.
        """
        sd = np.full(len(self.values), np.nan)
        knowledge = Knowledge(self.candidates, self.values, sd, self.qualifiers)
        expected = strategy(self.strategy).predict(space, knowledge, candidates)
        if expected is None:
            raise ValueError(f"the strategy {self.strategy} has no model")
        return expected

    def to_bytes(self) -> bytes:
        """An npz archive without any object array."""
        designs = canonical([[c.kind, dict(c.content), dict(c.form)] for c in self.candidates])
        sink = io.BytesIO()
        np.savez_compressed(
            sink,
            strategy=np.frombuffer(self.strategy.encode(), np.uint8),
            designs=np.frombuffer(designs, np.uint8),
            values=self.values,
            qualifiers=np.frombuffer("".join(self.qualifiers).encode(), np.uint8),
        )
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> ProcessModel:
        """The inverse of `to_bytes`."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            designs = json.loads(arrays["designs"].tobytes())
            return cls(
                arrays["strategy"].tobytes().decode(),
                tuple(Candidate(*design) for design in designs),
                arrays["values"],
                tuple(arrays["qualifiers"].tobytes().decode()),
            )
