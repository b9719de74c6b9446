"""The Merkle tree of RFC 6962 (Certificate Transparency), section 2.1, with SHA-256. Pure: no input, no output.

A tree of n leaves is stored as *tiles* (C2SP tlog-tiles): tile `i` of level `l` holds up to 256 hashes, the roots of
the perfect subtrees of 256^l leaves that begin at leaf 256^l x (256 i + j). A full tile never changes again, so a tree
grows by appending full tiles and carrying the hashes of one open tile a level: that is `Edge`.

Proofs follow section 2.1.1 (inclusion) and 2.1.2 (consistency); their verification follows RFC 9162, sections 2.1.3.2
and 2.1.4.2, which restate the same tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = hashlib.sha256(b"").digest()

HashReader = Callable[[int, int, int], Sequence[bytes]]
"""`(level, first, count)` -> `count` hashes of tile level `level`, from entry `first` on, all within one tile."""


def leaf_hash(leaf: bytes) -> bytes:
    """MTH({d}) = SHA-256(0x00 || d)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over a row of leaf or subtree hashes: section 2.1's MTH, computed row by row.

    Pairing neighbours and carrying an odd last hash upward gives the same tree as the recursive definition.
    """
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    sha256 = hashlib.sha256
    while len(row) > 1:
        paired = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            paired.append(row[-1])
        row = paired
    return row[0]


@dataclass(frozen=True, slots=True)
class Tile:
    """A full tile: 256 hashes and the root over them, which is one entry of the level above."""

    level: int
    position: int
    hashes: bytes
    root: bytes


@dataclass(slots=True)
class Edge:
    """The right edge of a tree: its size and the hashes of the open tile of each level."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=lambda: [[]])

    def copy(self) -> Edge:
        """An edge that can be extended without touching this one."""
        return Edge(self.size, [list(level) for level in self.levels])

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[Tile]:
        """Appends leaves and returns the tiles that became full."""
        full: list[Tile] = []
        for hash_ in leaf_hashes:
            self.size += 1
            self._push(0, hash_, full)
        return full

    def _push(self, level: int, hash_: bytes, full: list[Tile]) -> None:
        if level == len(self.levels):
            self.levels.append([])
        row = self.levels[level]
        row.append(hash_)
        if len(row) == TILE_WIDTH:
            root = root_of(row)
            position = (self.size >> TILE_HEIGHT * (level + 1)) - 1
            full.append(Tile(level, position, b"".join(row), root))
            row.clear()
            self._push(level + 1, root, full)

    def root(self) -> bytes:
        """The tree head: the open tiles' subtrees hashed together from the right."""
        right: bytes | None = None
        for row in self.levels:
            entries = row if right is None else [*row, right]
            # An incomplete subtree from below stands last in the row; root_of carries it up as section 2.1 wants.
            right = root_of(entries) if entries else None
        return EMPTY_ROOT if right is None else right


def subtree(read: HashReader, height: int, index: int) -> bytes:
    """The root of the perfect subtree of 2^height leaves that begins at leaf 2^height x index."""
    level, rest = divmod(height, TILE_HEIGHT)
    return root_of(read(level, index << rest, 1 << rest))


def _range_root(read: HashReader, start: int, end: int) -> bytes:
    """MTH(D[start:end]) for a range that begins at a multiple of the largest power of two below its length."""
    parts = []
    while start < end:
        height = (end - start).bit_length() - 1
        parts.append(subtree(read, height, start >> height))
        start += 1 << height
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def _split(size: int) -> int:
    """The largest power of two smaller than size (section 2.1's k)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(read: HashReader, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]): the sibling hashes from the leaf up to the root."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(read: HashReader, old: int, size: int) -> list[bytes]:
    """PROOF(old, D[size]): what shows that the tree of `old` leaves is a prefix of that of `size`."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {old} leaves is no prefix of one of {size}")
    proof: list[bytes] = []
    start, end, whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_root(read, middle, end))
            end = middle
        else:
            proof.append(_range_root(read, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(_range_root(read, start, end))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf hash stands at `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the older tree is a prefix of the newer one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == root
