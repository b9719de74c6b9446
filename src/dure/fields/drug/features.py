"""How molecules are described to a surrogate: six counts of fragments and a table of descriptors.

Counts are folded to 65,536 columns by multiplication with the golden ratio (two fragments of a drug-like molecule share
a column about once in a hundred molecules). Of RDKit's descriptors those that cost most are left out, as a
composite of the others or for want of effect on recall: docs/decisions/strategy.md has the figures.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from dure.base.errors import BadInput
from dure.design.contract import FeatureBlock

BITS = 16
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

SLOW = frozenset(
    [
        "qed",
        "BertzCT",
        "SPS",
        "Ipc",
        "AvgIpc",
        "BalabanJ",
        "Phi",
        "Kappa3",
        "Chi4n",
        "Chi4v",
        "BCUT2D_MWHI",
        "BCUT2D_MWLOW",
        "BCUT2D_CHGHI",
        "BCUT2D_CHGLO",
        "BCUT2D_LOGPHI",
        "BCUT2D_LOGPLOW",
        "BCUT2D_MRHI",
        "BCUT2D_MRLOW",
        "MaxEStateIndex",
        "MinEStateIndex",
        "MaxAbsEStateIndex",
        "MinAbsEStateIndex",
        "MaxPartialCharge",
        "MinPartialCharge",
        "MaxAbsPartialCharge",
        "MinAbsPartialCharge",
        "FpDensityMorgan1",
        "FpDensityMorgan2",
        "FpDensityMorgan3",
    ]
)
"""Descriptors that together cost more than all the others."""


def blocks(smiles: Sequence[str]) -> tuple[FeatureBlock, ...]:
    """The feature blocks of molecules, one row each, in this order.

    Raises:
        BadInput: a SMILES that RDKit cannot read.
    """
    from rdkit import Chem

    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    unread = [text for text, molecule in zip(smiles, molecules, strict=True) if molecule is None]
    if unread:
        raise BadInput(f"{unread[0]!r} is no molecule", remedy="standardise structures before they are described")
    counts = [FeatureBlock(name, "counts", _counts(molecules, make)) for name, make in _generators().items()]
    return (*counts, FeatureBlock("descriptors", "real", _descriptors(molecules)))


def blocks_to_bytes(given: Sequence[FeatureBlock]) -> bytes:
    """The blocks as one compressed npz file, without pickle; equal blocks give equal bytes."""
    arrays: dict[str, Any] = {"names": np.array([b.name for b in given]), "kinds": np.array([b.kind for b in given])}
    for i, block in enumerate(given):
        arrays |= _arrays(f"{i}", block)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def blocks_from_bytes(data: bytes) -> tuple[FeatureBlock, ...]:
    """The inverse of `blocks_to_bytes`."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        named = zip(arrays["names"].tolist(), arrays["kinds"].tolist(), strict=True)
        return tuple(FeatureBlock(name, kind, _matrix(f"{i}", arrays)) for i, (name, kind) in enumerate(named))


def _generators() -> dict[str, Callable[[Any], dict[int, int]]]:
    """Functions from a molecule to {fragment: count}, by the name of their block."""
    from rdkit.Chem import rdFingerprintGenerator as rd

    roles = rd.GetMorganFeatureAtomInvGen()
    generators = {
        "ecfp4": rd.GetMorganGenerator(radius=2),
        "ecfp6": rd.GetMorganGenerator(radius=3, includeChirality=True),
        "fcfp4": rd.GetMorganGenerator(radius=2, atomInvariantsGenerator=roles),
        "pairs": rd.GetAtomPairGenerator(),
        "torsions": rd.GetTopologicalTorsionGenerator(),
        "paths": rd.GetRDKitFPGenerator(maxPath=5, numBitsPerFeature=1),
    }
    return {name: _counter(generator) for name, generator in generators.items()}


def _counter(generator: Any) -> Callable[[Any], dict[int, int]]:
    return lambda molecule: generator.GetSparseCountFingerprint(molecule).GetNonzeroElements()


def _counts(molecules: Sequence[Any], count: Callable[[Any], dict[int, int]]) -> sparse.csr_matrix:
    """Shape (molecules, 2^BITS), int16."""
    found = [count(molecule) for molecule in molecules]
    ends = np.cumsum([0, *map(len, found)])
    fragments = np.fromiter((f for row in found for f in row), dtype=np.uint64, count=ends[-1])
    values = np.fromiter((c for row in found for c in row.values()), dtype=np.int64, count=ends[-1])
    columns = ((fragments * GOLDEN) >> np.uint64(64 - BITS)).astype(np.int32)
    shape = (len(molecules), 1 << BITS)
    matrix = sparse.csr_matrix((np.minimum(values, 32767).astype(np.int16), columns, ends), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _descriptors(molecules: Sequence[Any]) -> NDArray[np.float64]:
    """Shape (molecules, descriptors); NaN where RDKit has no number."""
    from rdkit.Chem import Descriptors

    functions = [function for name, function in Descriptors.descList if name not in SLOW]
    matrix = np.array([[f(m) for f in functions] for m in molecules], dtype=np.float64).reshape(-1, len(functions))
    return np.where(np.isfinite(matrix), matrix, np.nan)


def _arrays(prefix: str, block: FeatureBlock) -> dict[str, Any]:
    if block.kind != "counts":
        return {f"{prefix}.dense": block.matrix}
    parts = {"data": block.matrix.data, "indices": block.matrix.indices, "indptr": block.matrix.indptr}
    return {f"{prefix}.{name}": part for name, part in parts.items()} | {
        f"{prefix}.shape": np.array(block.matrix.shape)
    }


def _matrix(prefix: str, arrays: Any) -> Any:
    if f"{prefix}.dense" in arrays:
        return arrays[f"{prefix}.dense"]
    parts = tuple(arrays[f"{prefix}.{name}"] for name in ("data", "indices", "indptr"))
    return sparse.csr_matrix(parts, shape=tuple(arrays[f"{prefix}.shape"]))
