"""A calibration of glucose on spectra: chosen and fitted on samples alone, with its limits, intervals and codes.

Window, polynomial and components are those of the least cross-validated error over the samples, each sample (or group
of them) held out in turn.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dure.base.errors import BadInput
from dure.fields.bioprocess.chemometrics import Derivative, Floats, Pls, fit_pls, held_out, hotelling_limit
from dure.fields.bioprocess.chemometrics import residual_limit as q_limit

COMPONENTS = 7
GRID = tuple(Derivative(2, p, w) for p in (2, 3) for w in (7, 11, 15, 19, 23, 27, 31, 35))
OPEN_GRID = tuple(Derivative(1, d.polynomial, d.window) for d in GRID)
"""What cross-validation over the samples likes better and the fermentation punishes; a figure of the card."""
PARTS = 10
"""Into how many parts at most the samples fall when the whole choice is repeated without each of them."""


@dataclass(frozen=True)
class Calibration:
    """A calibration with its limits.

    Attributes:
        wavenumbers: cm⁻¹, shape (wavenumbers,).
        derivative, components: chosen by cross-validation.
        pls: fitted on all samples.
        q, t2: 99 % limits.
        half80, half95: half widths of the prediction intervals, g/L, from one score a group: its largest error.
        errors: predicted less measured of each sample while held out, g/L.
    """

    wavenumbers: Floats
    derivative: Derivative
    components: int
    pls: Pls
    q: float
    t2: float
    half80: float
    half95: float
    errors: Floats

    def predict(self, spectra: Floats) -> Floats:
        """Absorbance, shape (spectra, wavenumbers) -> glucose, g/L, shape (spectra,); never below zero."""
        return np.maximum(self.regressed(spectra), 0.0)

    def regressed(self, spectra: Floats) -> Floats:
        """What the regression alone says, negative values kept."""
        return self.pls.predict(self.derivative(spectra), self.components)

    def why(self, spectra: Floats, before: Floats | None = None) -> list[str]:
        """A code a spectrum: empty inside the domain, else `frozen`, `residual` (Q) or `extreme` (T²).

        Args:
            before: the spectrum measured before the first; a spectrum equal to the one before it is frozen.
        """
        q, t2 = self.pls.distances(self.derivative(spectra), self.components)
        earlier = np.concatenate([[spectra[0] + 1.0 if before is None else before], spectra[:-1]])
        frozen = (spectra == earlier).all(axis=1)
        codes = np.select([frozen, q > self.q, t2 > self.t2], ["frozen", "residual", "extreme"], "")
        return [str(code) for code in codes]


def calibrate(
    wavenumbers: Floats, spectra: Floats, glucose: Floats, groups: Sequence[str], grid: Sequence[Derivative] = GRID
) -> Calibration:
    """Chooses and fits on samples alone; shape (wavenumbers,), (samples, wavenumbers) and (samples,), groups a sample.

    Raises:
        BadInput: fewer than ten groups, of which nothing could be chosen.
    """
    if len(set(groups)) < 10:
        raise BadInput(
            f"{len(set(groups))} groups of samples are too few to choose a calibration by holding each out",
            remedy="measure ten independent samples or more",
        )
    chosen, k, (errors, residuals, _) = _chosen(spectra, glucose, groups, grid)
    names = np.asarray(groups)
    scores = np.array([np.abs(errors[names == name]).max() for name in dict.fromkeys(groups)])
    return Calibration(
        wavenumbers,
        chosen,
        k,
        fit_pls(chosen(spectra), glucose, k),
        q_limit(residuals),
        hotelling_limit(len(glucose), k),
        _half_width(scores, 0.80),
        _half_width(scores, 0.95),
        errors,
    )


def _chosen(
    spectra: Floats, glucose: Floats, groups: Sequence[str], grid: Sequence[Derivative]
) -> tuple[Derivative, int, tuple[Floats, Floats, Floats]]:
    """Derivative and components of the least error, each group held out in turn, and errors, Q and T² while held out.

    Shapes as in `calibrate`; (samples,) each of the last three.
    """
    most = min(COMPONENTS, len(glucose) - max(map(list(groups).count, set(groups))) - 2)
    tried = {derivative: held_out(derivative(spectra), glucose, groups, most) for derivative in grid}
    rmse = {derivative: np.sqrt((found[0] ** 2).mean(axis=0)) for derivative, found in tried.items()}
    chosen = min(rmse, key=lambda derivative: float(rmse[derivative].min()))
    k = int(rmse[chosen].argmin())
    errors, residuals, hotelling = (found[:, k] for found in tried[chosen])
    return chosen, k + 1, (errors, residuals, hotelling)


def nested_errors(spectra: Floats, glucose: Floats, groups: Sequence[str]) -> Floats:
    """Predicted less measured of each sample by a calibration chosen and fitted without its part of the groups, g/L.

    The groups fall into `PARTS` parts at most; what choosing among windows gains by chance is not in these errors.
    """
    order = list(dict.fromkeys(groups))
    part = np.array([order.index(name) % PARTS for name in groups])
    errors = np.empty(len(glucose))
    for out in (part == i for i in range(min(PARTS, len(order)))):
        rest = [name for name, left in zip(groups, out, strict=True) if not left]
        derivative, k, _ = _chosen(spectra[~out], glucose[~out], rest, GRID)
        fitted = fit_pls(derivative(spectra[~out]), glucose[~out], k)
        errors[out] = fitted.predict(derivative(spectra[out]), k) - glucose[out]
    return errors


def false_alarms(calibration: Calibration, spectra: Floats, glucose: Floats, groups: Sequence[str]) -> float:
    """Share of held-out samples outside limits that were drawn without them."""
    _, q, t2 = (
        each[:, -1] for each in held_out(calibration.derivative(spectra), glucose, groups, calibration.components)
    )
    names = np.asarray(groups)
    loud = np.zeros(len(glucose), dtype=bool)
    for name in dict.fromkeys(groups):
        own = names == name
        limit = hotelling_limit(int((~own).sum()), calibration.components)
        loud[own] = (q[own] > q_limit(q[~own])) | (t2[own] > limit)
    return float(loud.mean())


def _half_width(scores: Floats, level: float) -> float:
    """The conformal half width: the ceil((n + 1) level)-th smallest score, the largest at most."""
    rank = min(len(scores), int(np.ceil((len(scores) + 1) * level)))
    return float(np.sort(scores)[rank - 1])


def stream(calibration: Calibration, spectra: Iterable[Floats]) -> Iterator[tuple[float, str]]:
    """Spectra as they come, one at a time -> glucose in g/L and the code of `Calibration.why`."""
    before = None
    for spectrum in spectra:
        row = spectrum[None, :]
        yield float(calibration.predict(row)[0]), calibration.why(row, before)[0]
        before = spectrum


def to_bytes(calibration: Calibration) -> bytes:
    """As npz; no pickle."""
    sink = io.BytesIO()
    d, pls = calibration.derivative, calibration.pls
    arrays = {name: getattr(pls, name) for name in ("centre", "rotations", "loadings", "coefficients", "variance")}
    limits = [calibration.q, calibration.t2, calibration.half80, calibration.half95]
    np.savez(
        sink,
        wavenumbers=calibration.wavenumbers,
        derivative=np.array([d.order, d.polynomial, d.window, calibration.components]),
        mean=np.array(pls.mean),
        limits=np.array(limits),
        errors=calibration.errors,
        **arrays,
    )
    return sink.getvalue()


def from_bytes(data: bytes) -> Calibration:
    """The calibration of `to_bytes`."""
    held = np.load(io.BytesIO(data), allow_pickle=False)
    order, polynomial, window, components = (int(v) for v in held["derivative"])
    names = ("rotations", "loadings", "coefficients", "variance")
    pls = Pls(held["centre"], float(held["mean"]), *(held[name] for name in names))
    q, t2, half80, half95 = (float(v) for v in held["limits"])
    derivative = Derivative(order, polynomial, window)
    return Calibration(held["wavenumbers"], derivative, components, pls, q, t2, half80, half95, held["errors"])
