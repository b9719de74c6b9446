from datetime import date
from zoneinfo import ZoneInfo

import pytest

from dure.access.terms import LICENCES, OBLIGATIONS, Code, Terms, duo, inherit
from dure.base.errors import BadInput

SEOUL = ZoneInfo("Asia/Seoul")


def terms(*codes, licence="CC0-1.0", **more):
    return Terms(tuple(codes) or (Code("GRU"),), licence, **more)


def test_the_closed_list_has_the_23_usable_terms_of_the_ontology_in_both_languages():
    assert len(duo()) == 23
    assert {term.shorthand for term in duo().values() if term.kind == "permission"} == {
        "NRES", "GRU", "HMB", "DS", "POA",
    }  # fmt: skip
    assert duo()["GRU"].id == "DUO:0000042"
    assert all(term.label and term.label_ko and term.description for term in duo().values())


def test_licences_oblige_to_known_things():
    assert {obligation for brought in LICENCES.values() for obligation in brought} <= set(OBLIGATIONS)


def test_terms_survive_the_round_trip():
    full = terms(
        Code("DS", ("MONDO:0005148", "MONDO:0004992")),
        Code("TS", ("12",)),
        Code("NPU"),
        licence="CC-BY-4.0 AND LicenseRef-own",
        licence_package="MIT",
        access="controlled",
        obligations=frozenset({"non-commercial"}),
        citation=("A et al. 2020", "A et al. 2020"),
        embargo_until=date(2027, 1, 31),
    )
    assert Terms.from_json(full.as_json()) == full
    assert full.obligations == {"non-commercial", "attribution"}
    assert full.citation == ("A et al. 2020",)
    with pytest.raises(ValueError, match="version 1"):
        Terms.from_json({**full.as_json(), "v": 2})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Code("XYZ"), "not a DUO code"),
        (lambda: Code("DS"), "needs a disease"),
        (lambda: Code("GRU", ("a",)), "takes no value"),
        (lambda: Code("TS", ("a year",)), "not a number of months"),
        (lambda: Code("TS", ("1", "2")), "takes one months"),
        (lambda: Code("MOR", ("31/1/2027",)), "not a date"),
        (lambda: Code("MOR", ("20270131",)), "not a date"),
        (lambda: Code("GS", (" ",)), "not a region"),
        (lambda: terms(Code("NPU")), "exactly one DUO permission, not none"),
        (lambda: terms(Code("GRU"), Code("HMB")), "exactly one DUO permission, not GRU, HMB"),
        (lambda: terms(Code("GRU"), Code("GS", ("KR",)), Code("GS", ("JP",))), "given twice"),
        (lambda: terms(licence="CC-BY"), "not a licence that Dure knows"),
        (lambda: terms(licence="CC-BY-4.0 AND unclear-ish"), "not a licence"),
        (lambda: terms(licence_package="WTFPL"), "'WTFPL' is not a licence"),
        (lambda: terms(access="secret"), "access 'secret'"),
        (lambda: terms(obligations=frozenset({"pay"})), "unknown obligations pay"),
    ],
)
def test_terms_that_mean_nothing_are_refused(make, message):
    with pytest.raises(BadInput, match=message):
        make()


def test_the_last_day_of_an_embargo_ends_at_midnight_in_the_hubs_zone():
    embargoed = terms(embargo_until=date(2027, 1, 31))
    # 2027-02-01T00:00+09:00 is 2027-01-31T15:00Z
    assert embargoed.embargo_ends(SEOUL) == 1801407600
    assert embargoed.embargo_ends(ZoneInfo("UTC")) == 1801407600 + 9 * 3600
    assert terms().embargo_ends(SEOUL) == 0


def test_what_is_learnt_from_chembl_is_share_alike():
    chembl = terms(licence="CC-BY-SA-3.0", licence_package="MIT", citation=("ChEMBL",))
    derived = inherit(chembl, terms(licence="CC0-1.0", citation=("Own",)))
    assert derived.licence == "CC-BY-SA-3.0"
    assert "share-alike" in derived.obligations
    assert derived.citation == ("ChEMBL", "Own")
    assert derived.licence_package is None
    assert derived.redistributable


def test_unclear_data_stays_unclear_and_is_never_passed_on():
    derived = inherit(terms(licence="unclear"), terms(licence="CC-BY-SA-3.0"))
    assert derived.licence == "unclear"
    assert not derived.redistributable
    assert {"share-alike", "attribution", "no-redistribution"} <= derived.obligations
    assert not inherit(derived, terms()).redistributable


def test_licences_that_cannot_both_be_kept_are_not_passed_on():
    both = inherit(terms(licence="CC-BY-SA-4.0"), terms(licence="ODbL-1.0"))
    assert both.licence == "CC-BY-SA-4.0 AND ODbL-1.0"
    assert not both.redistributable
    assert not inherit(terms(licence="CC-BY-ND-4.0")).redistributable


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([(Code("NRES"),), (Code("GRU"),)], (Code("GRU"),)),
        ([(Code("GRU"),), (Code("HMB"),), (Code("DS", ("A",)),)], (Code("DS", ("A",)),)),
        ([(Code("GRU"),), (Code("POA"),)], (Code("POA"),)),
        ([(Code("DS", ("A", "B")),), (Code("DS", ("B", "C")),)], (Code("DS", ("B",)),)),
        ([(Code("GRU"), Code("TS", ("24",))), (Code("GRU"), Code("TS", ("6",)))], (Code("GRU"), Code("TS", ("6",)))),
        (
            [(Code("GRU"), Code("MOR", ("2027-01-01",))), (Code("GRU"), Code("MOR", ("2026-12-31",)))],
            (Code("GRU"), Code("MOR", ("2027-01-01",))),
        ),
        ([(Code("GRU"), Code("IS")), (Code("GRU"), Code("IS", ("SNU",)))], (Code("GRU"), Code("IS", ("SNU",)))),
        ([(Code("GRU"), Code("NPU")), (Code("GRU"), Code("PUB"))], (Code("GRU"), Code("NPU"), Code("PUB"))),
    ],
)
def test_the_strictest_code_is_inherited(codes, expected):
    sources = [terms(*each) for each in codes]
    assert inherit(*sources).codes == expected
    assert inherit(*reversed(sources)).codes == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((Code("HMB"),), (Code("POA"),)),
        ((Code("DS", ("A",)),), (Code("DS", ("B",)),)),
        ((Code("GRU"), Code("GS", ("KR",))), (Code("GRU"), Code("GS", ("JP",)))),
    ],
)
def test_what_no_use_would_meet_is_not_derived(one, other):
    with pytest.raises(BadInput, match=r"meets all|in common"):
        inherit(terms(*one), terms(*other))


def test_the_strictest_class_and_the_longest_embargo_are_inherited():
    derived = inherit(
        terms(access="open"),
        terms(access="controlled", embargo_until=date(2026, 1, 1)),
        terms(embargo_until=date(2027, 1, 1)),
    )
    assert (derived.access, derived.embargo_until) == ("controlled", date(2027, 1, 1))
    with pytest.raises(ValueError, match="nothing"):
        inherit()
