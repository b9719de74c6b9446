"""PLINK files as tables: the format's own example, another implementation's data, and files that lie."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.archives import archive, silent

from dure.base.errors import BadInput, NotFound
from dure.fields.agrifood import genomic, plink, relationship
from dure.models.columns import checked
from dure.models.inputs import read_own

# The example of PLINK's own description of the format, as PLINK wrote it: six individuals, three markers.
EXAMPLE = {
    ".bed": bytes.fromhex("6c1b01dc0fe70f6b01"),
    ".bim": b"1 snp1 0 1 G A\n1 snp2 0 2 1 2\n1 snp3 0 3 A C\n",
    ".fam": b"1 1 0 0 1 2.5\n1 2 0 0 1 -9\n1 3 1 2 1 3.25\n2 1 0 0 1 4\n2 2 0 0 1 1.5\n2 3 1 2 1 7\n",
}
WHEEL = "bed_reader-1.1.0-cp3{0}-cp3{0}-manylinux_2_17_x86_64.manylinux2014_x86_64.whl".format(sys.version_info[1])


def example(**changes):
    return {**EXAMPLE, **{f".{suffix}": data for suffix, data in changes.items()}}


@pytest.fixture(scope="module")
def foreign():
    """Name -> bytes of the data that bed-reader 1.1.0 is tested with, written by PLINK and by bed-reader."""
    try:
        held = archive(WHEEL)
    except FileNotFoundError:
        pytest.skip("bed-reader has no such wheel for this machine")
    return lambda name: held.read(f"bed_reader/tests/data/{name}")


def files_of(foreign, name):
    return {suffix: foreign(name + suffix) for suffix in plink.NEEDED}


def test_plinks_own_example_is_read():
    read = plink.read_plink("x.bed", EXAMPLE)
    # Of snp1 the file counts G (its allele 1); A comes first in the alphabet, so that A is counted.
    assert read.table.column_names == ["family", "trait", "snp:snp1/A", "snp:snp2/1", "snp:snp3/A"]
    # snp1: GG AA 00 AA AA AA; snp2: 22 00 12 22 22 22; snp3: CC AC AC 00 00 AA; the second individual has no trait.
    assert read.table["snp:snp1/A"].to_pylist() == [0, 2, -9, 2, 2, 2]
    assert read.table["snp:snp2/1"].to_pylist() == [0, -9, 1, 0, 0, 0]
    assert read.table["snp:snp3/A"].to_pylist() == [0, 1, 1, -9, -9, 2]
    assert read.table["trait"].to_pylist() == [2.5, None, 3.25, 4, 1.5, 7]
    assert read.table["family"].to_pylist() == ["1", "1", "1", "2", "2", "2"]
    assert read.rows.tolist() == [1, 2, 3, 4, 5, 6]


def test_genotypes_are_those_that_another_implementation_tells(foreign):
    """100 individuals and 100 markers with missing calls; bed-reader's own values count allele 1."""
    expected = np.load(io.BytesIO(foreign("some_missing.val.npy")))
    assert np.isnan(expected).any()
    found = plink.dosages(foreign("some_missing.bed"), *expected.shape, "some_missing.bed").astype(float)
    np.testing.assert_array_equal(np.where(found == plink.MISSING, np.nan, found), expected)


def test_a_file_by_individuals_holds_the_same_genotypes(foreign):
    """`smallmode0` is `small` with markers and individuals exchanged, as bed-reader ships it."""
    bed = foreign("small.bed")
    by_marker = plink.dosages(bed, 3, 4, "small.bed")
    assert foreign("smallmode0.bed")[3:] == bed[3:]
    np.testing.assert_array_equal(plink.dosages(foreign("smallmode0.bed"), 4, 3, "m.bed"), by_marker.T)


def test_filters_take_what_is_rare_and_missing_in_foreign_data(foreign):
    """Call rates and frequencies of a simulated data set of PLINK, counted anew from bed-reader's values."""
    expected = np.load(io.BytesIO(foreign("some_missing.val.npy")))
    read = plink.read_plink("some_missing.bed", files_of(foreign, "some_missing"))
    markers = [name for name in read.table.column_names if name.startswith(plink.PREFIX)]
    dosage = np.column_stack([read.table[name].to_numpy() for name in markers]).astype(float)
    found = relationship.filters(np.where(dosage < 0, np.nan, dosage))
    called = (~np.isnan(expected)).mean(axis=0)
    frequency = np.nanmean(expected, axis=0) / 2
    common = np.minimum(frequency, 1 - frequency)
    assert found.lost == (called < 1 - relationship.LOST).sum()
    assert found.rare == ((common < relationship.RARE) & (called >= 1 - relationship.LOST)).sum()


def test_the_counted_allele_does_not_hang_on_which_is_rarer():
    """PLINK calls the rarer allele the first; the same animals in another sample may be coded the other way round."""
    turned = bytes(EXAMPLE[".bed"][:3]) + bytes(_turned(byte) for byte in EXAMPLE[".bed"][3:])
    bim = b"1 snp1 0 1 A G\n1 snp2 0 2 2 1\n1 snp3 0 3 C A\n"
    assert plink.read_plink("x.bed", example(bed=turned, bim=bim)).table == plink.read_plink("x.bed", EXAMPLE).table


def _turned(byte):
    """Both copies of an allele (00) for none (11), and back; missing (01) and one (10) stay."""
    pairs = [(byte >> shift) & 3 for shift in (0, 2, 4, 6)]
    return sum({0: 3, 3: 0}.get(pair, pair) << shift for pair, shift in zip(pairs, (0, 2, 4, 6), strict=True))


def test_a_marker_of_one_allele_and_one_without_a_name():
    bim = b"1 snp1 0 1 0 A\n1 . 0 2 1 2\n1 snp3 0 3 A C\n"
    read = plink.read_plink("x.bed", example(bim=bim))
    assert read.table.column_names[2:] == ["snp:snp1/A", "snp:1:2/1", "snp:snp3/A"]


def test_traits_of_their_own_with_environments():
    pheno = b"FID IID trait environment\n1 1 10 N\n1 2 11 S\n2 3 12 S\n"
    read = plink.read_plink("x.bed", example(pheno=pheno))
    assert read.table["trait"].to_pylist() == [10, 11, None, None, None, 12]
    assert read.table["environment"].to_pylist() == ["N", "S", "-", "-", "-", "S"]
    assert read.rows.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("none", [b" -9\n", b" 0\n"])
def test_individuals_without_any_trait_are_all_there_for_prediction(none):
    bare = b"".join(line[: line.rindex(b" ")] + none for line in EXAMPLE[".fam"].splitlines())
    read = plink.read_plink("x.bed", example(fam=bare))
    assert "trait" not in read.table.column_names
    assert read.table.num_rows == 6


def test_an_individual_without_a_family_stands_alone():
    alone = b"".join(b"0 animal%d 0 0 0 %d.5\n" % (i, i) for i in range(6))
    read = plink.read_plink("x.bed", example(fam=alone))
    assert read.table["family"].to_pylist() == [f"animal{i}" for i in range(6)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bed": EXAMPLE[".bed"][:-1]}, "are 9 bytes, and the file has 8"),
        ({"bed": EXAMPLE[".bed"] + b"\x00"}, "are 9 bytes, and the file has 10"),
        ({"bed": b"PK\x03" + EXAMPLE[".bed"][3:]}, "no PLINK 1 .bed file"),
        ({"bed": b"\x6c\x1b\x02" + EXAMPLE[".bed"][3:]}, "no PLINK 1 .bed file"),
        ({"bed": b""}, "no PLINK 1 .bed file"),
        ({"bim": EXAMPLE[".bim"] + b"1 snp4 0 4 A C\n"}, "4 markers are 11 bytes"),
        ({"bim": b"1 snp1 0 1 G\n"}, "line 1 has 5 fields, and 6 are due"),
        ({"bim": EXAMPLE[".bim"].replace(b"snp3 0 3 A C", b"snp1 0 3 A C")}, "'snp:snp1/A' stands twice"),
        ({"fam": EXAMPLE[".fam"].replace(b"2 3 1 2 1 7", b"2 2 1 2 1 7")}, "'2 2' stands twice"),
        ({"fam": EXAMPLE[".fam"].replace(b" 2.5\n", b" tall\n")}, "'tall' is no trait"),
        ({"fam": "1 1".encode("utf-16")}, "UTF-8"),
        ({"pheno": b"1 1 2.5\n"}, "the first line is"),
        ({"pheno": b"FID IID trait\n9 9 2.5\n"}, "'9 9' among them"),
    ],
)
def test_files_that_lie_are_refused_in_words(changes, said):
    with pytest.raises(BadInput, match=said):
        plink.read_plink("x.bed", example(**changes))


def written(dosage, trait, family):
    """A data set as the format's description says, marker by marker; -9 is missing."""
    codes = np.select([dosage == 2, dosage < 0, dosage == 1], [0, 1, 2], 3).astype(np.uint8).T
    codes = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 4)))
    packed = codes.reshape(len(codes), -1, 4) @ np.array([1, 4, 16, 64], dtype=np.uint8)
    return {
        ".bed": b"\x6c\x1b\x01" + packed.astype(np.uint8).tobytes(),
        ".bim": "".join(f"1 AX-{j} 0 {j} A C\n" for j in range(dosage.shape[1])).encode(),
        ".fam": "".join(f"{f} {i} 0 0 0 {t}\n" for i, (f, t) in enumerate(zip(family, trait, strict=True))).encode(),
    }


def test_a_data_set_trains_as_the_same_table_does():
    from tests.unit.test_agrifood_genomic import simulated

    dosage, trait, family, _ = simulated(families=30, sibs=5, markers=600, heritability=0.8)
    dosage[3, 7] = plink.MISSING
    read = plink.read_plink("herd.bed", written(dosage, trait, family))
    wanted = [*genomic.GENOMIC.columns, genomic.GENOMIC.target, genomic.GENOMIC.group, *genomic.GENOMIC.others]
    table = checked(read, wanted)
    plain = pa.table({
        "row": table["row"], **{f"snp:AX-{j}/A": dosage[:, j] for j in range(600)}, "trait": trait, "family": family,
    })  # fmt: skip
    cards = [json.loads(genomic.train({"table": _parquet(each)}, {}, 1, silent)["card"]) for each in (table, plain)]
    assert cards[0] == cards[1]
    assert cards[0]["training"]["markers"] == 600


def test_codes_of_cases_and_controls_are_no_trait_to_train_on():
    from tests.unit.test_agrifood_genomic import simulated

    dosage, _, family, _ = simulated(families=30, sibs=5, markers=60, heritability=0.8)
    read = plink.read_plink("herd.bed", written(dosage, [1 + i % 2 for i in range(150)], family))
    wanted = [*genomic.GENOMIC.columns, genomic.GENOMIC.target, genomic.GENOMIC.group]
    with pytest.raises(BadInput, match="cases and controls"):
        genomic.train({"table": _parquet(checked(read, wanted))}, {}, 1, silent)


def test_the_untested_are_predicted_and_a_marker_without_the_counted_allele_is_turned():
    from tests.unit.test_agrifood_genomic import simulated

    dosage, trait, family, _ = simulated(families=30, sibs=5, markers=600, heritability=0.8)
    trait = [float(t) if i >= 5 else "NA" for i, t in enumerate(trait)]
    read = plink.read_plink("herd.bed", written(dosage, trait, family))
    wanted = [*genomic.GENOMIC.columns, genomic.GENOMIC.target, genomic.GENOMIC.group]
    model = genomic.train({"table": _parquet(checked(read, wanted))}, {}, 1, silent)["model"]

    def predicted(table):
        found = genomic.predict({"model": model, "table": _parquet(table)}, {}, 1, silent)["predictions"]
        return pq.read_table(io.BytesIO(found))["value"].to_numpy()

    asked = checked(read, genomic.GENOMIC.columns)
    values = predicted(asked)
    assert len(values) == len(trait)
    name = next(each for each in asked.column_names if each.startswith(plink.PREFIX))
    other = asked.set_column(
        asked.column_names.index(name), name[:-1] + "G", pa.array(2 - asked[name].to_numpy().astype(int), pa.int64())
    )
    np.testing.assert_allclose(predicted(other), values)


def test_the_recipe_reads_the_file_with_those_beside_it(tmp_path):
    for suffix, data in EXAMPLE.items():
        (tmp_path / f"x{suffix}").write_bytes(data)
    read, paths = read_own(tmp_path / "x.bed", genomic.GENOMIC.formats)
    assert read.table.equals(plink.read_plink("x.bed", EXAMPLE).table)
    assert [path.suffix for path in paths] == [".bed", ".bim", ".fam"]
    (tmp_path / "x.pheno").write_bytes(b"FID IID trait\n1 1 10\n")
    assert read_own(tmp_path / "x.bed", genomic.GENOMIC.formats)[0].table["trait"].to_pylist() == [
        10, None, None, None, None, None,
    ]  # fmt: skip
    (tmp_path / "x.fam").unlink()
    with pytest.raises(NotFound):
        read_own(tmp_path / "x.bed", genomic.GENOMIC.formats)


def _parquet(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
