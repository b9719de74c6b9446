"""The store against short references: the recursive tree of RFC 6962, slices of bytes, one flipped bit anywhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.base.canonical import canonical, digest
from dure.base.errors import DureError
from dure.store import files
from dure.store.bundle import export_bundle, verify_bundle
from dure.store.change import leaf_of
from dure.store.files import put_file, put_files, read_file, read_manifest, read_range
from dure.store.kinds import Event
from dure.store.merkle import (
    Edge,
    Tile,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from dure.store.objects import MemoryObjects
from store_world import SIGNER, World

HASHES = [leaf_hash(n.to_bytes(4, "big")) for n in range(70_000)]


def reference(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + reference(hashes[:k]) + reference(hashes[k:])).digest()


def tile_reader(tiles: list[Tile], edge: Edge):
    full = {(tile.level, tile.position): tile.hashes for tile in tiles}

    def read(level: int, first: int, count: int) -> list[bytes]:
        position, offset = divmod(first, 256)
        row = full.get((level, position)) or b"".join(edge.levels[level])
        return [row[32 * i : 32 * i + 32] for i in range(offset, offset + count)]

    return read


@given(st.integers(1, 3000), st.data())
@settings(max_examples=60, deadline=None)
def test_edge_and_proofs_agree_with_the_recursive_tree(size: int, data: st.DataObject) -> None:
    edge, tiles = Edge(), []
    cut = data.draw(st.integers(0, size))
    for piece in (HASHES[:cut], HASHES[cut:size]):
        tiles += edge.extend(piece)
    root = reference(HASHES[:size])
    assert edge.root() == root
    read = tile_reader(tiles, edge)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(read, index, size)
    assert verify_inclusion(HASHES[index], index, size, proof, root)
    assert not verify_inclusion(HASHES[index + 1], index, size, proof, root)
    old = data.draw(st.integers(1, size))
    path = consistency_proof(read, old, size)
    assert verify_consistency(old, reference(HASHES[:old]), size, root, path)
    for wrong in (path[:-1], [*path, root]):
        assert wrong == path or not verify_consistency(old, reference(HASHES[:old]), size, root, wrong)


def test_a_tree_of_three_levels() -> None:
    edge = Edge()
    tiles = edge.extend(HASHES)
    assert [len(row) for row in edge.levels] == [70_000 % 256, 70_000 // 256 % 256, 70_000 // 65_536]
    assert edge.root() == reference(HASHES)
    read = tile_reader(tiles, edge)
    for index in (0, 65_535, 65_536, 69_999):
        assert verify_inclusion(HASHES[index], index, 70_000, inclusion_proof(read, index, 70_000), edge.root())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdefgh"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["x", "actor", "decision", "zz"]), JSON), JSON, st.integers(0, 2**53 - 1))
def test_a_leaf_in_pieces_is_the_canonical_whole(body: dict[str, object], decision: object, sequence: int) -> None:
    event = Event(sequence, "2026-01-01T00:00:00.000000Z", "system:hub", "a.b", 1, "s", body, {"d": decision})
    names = ("actor", "body", "decision", "kind", "sequence", "subject", "time", "v")
    leaf = leaf_of(event, canonical(event.decision))
    assert leaf == canonical({name: getattr(event, name) for name in names})
    assert b"\n" not in leaf


@given(st.binary(max_size=400), st.integers(0, 450), st.integers(0, 450))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_in_chunks_reads_as_its_bytes(tmp_path: Path, data: bytes, offset: int, length: int) -> None:
    objects, path = MemoryObjects(), tmp_path / "file"
    path.write_bytes(data)
    chunk, files.CHUNK = files.CHUNK, 64
    try:
        name = put_file(objects, path)
    finally:
        files.CHUNK = chunk
    assert read_file(objects, name) == data
    manifest = read_manifest(objects, name)
    offset, end = min(offset, len(data)), min(offset + length, len(data))
    if offset <= end:
        assert b"".join(read_range(objects, manifest, offset, end - offset)) == data[offset:end]


@given(st.lists(st.binary(max_size=100), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_small_files_packed_together_read_apart(tmp_path: Path, contents: list[bytes]) -> None:
    objects, paths = MemoryObjects(), []
    for number, content in enumerate(contents):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(content)
    manifests = put_files(objects, paths)
    assert [read_file(objects, manifests[path]) for path in paths] == contents


def test_one_bit_flipped_anywhere_in_a_bundle_is_found(tmp_path: Path) -> None:
    world = World({}, tmp_path)
    world.done(*range(5), sign=True)
    world.done(*range(5, 9), sign=True)
    export_bundle(world.ledger, SIGNER.verifier, tmp_path / "bundle")
    world.close()
    assert verify_bundle(tmp_path / "bundle", SIGNER.verifier, strict=True).trusted
    paths = [path for path in sorted((tmp_path / "bundle").rglob("*")) if path.is_file() and path.name != "key.pub"]
    for path in paths:
        whole = path.read_bytes()
        for place in range(0, len(whole), 1 + len(whole) // 60):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            try:
                verify_bundle(tmp_path / "bundle", SIGNER.verifier, strict=True)
            except DureError:
                continue
            raise AssertionError(f"byte {place} of {path.name} may be changed: {digest(place)}")
        path.write_bytes(whole)
