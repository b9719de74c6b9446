"""Sentences that depend on what happened."""

import pytest

from dure.campaign.report.sentences import duration, stopping_marks, verdict, verdict_summary
from dure.campaign.report.texts import texts
from dure.campaign.statistics import Verdict, stopping_curve


def judged(outcome, campaign=3, expected=2.5, p=0.4):
    return Verdict("random", outcome, campaign, expected, p)


@pytest.mark.parametrize(("lang", "words"), [("en", "not beaten"), ("ko", "이기지 못함")])
def test_a_level_result_says_in_words_that_the_control_is_not_beaten(lang, words):
    sentence = verdict(judged("level"), "X", 10, lang)
    assert words in sentence
    assert "2.5" in sentence
    assert "0.40" in sentence


@pytest.mark.parametrize(("lang", "words"), [("en", "does worse"), ("ko", "오히려 짐")])
def test_a_lost_comparison_is_called_lost(lang, words):
    assert words in verdict(judged("loses", 0, 6.0, 0.01), "X", 10, lang)


@pytest.mark.parametrize(("lang", "words"), [("en", "Both found all 10"), ("ko", "둘 다 찾을 것 10개를 모두")])
def test_when_both_found_everything_neither_is_ahead(lang, words):
    assert words in verdict(judged("level", 10, 10.0, 1.0), "X", 10, lang)


def test_the_summary_counts_those_not_beaten():
    some = [judged("beats"), judged("level"), judged("loses")]
    assert "does not beat 2 of its 3 controls" in verdict_summary(some, "en")
    assert "beats all 1" in verdict_summary(some[:1], "en")


def test_stopping_marks_say_how_many_or_that_it_is_hopeless():
    assert "1 more assays for a chance of 50" in stopping_marks(stopping_curve([8.0] * 5, [0.3] * 5, 8.0), "en")[0]
    (only,) = stopping_marks(stopping_curve([1.0] * 4, [0.1] * 4, 8.0), "en")
    assert "all 4 remaining" in only
    assert "not reached" in stopping_marks(stopping_curve([8.0], [0.3], 8.0), "en")[1]


def test_durations_in_both_languages():
    assert (duration(130, "en"), duration(130, "ko")) == ("2 min 10 s", "2분 10초")
    assert duration(59.96, "en") == "60.0 s"


def test_every_text_has_both_languages_with_the_same_places_to_fill():
    import string

    def places(words):
        return {name for _, name, _, _ in string.Formatter().parse(words) if name}

    for key, text in texts().items():
        assert text.ko.strip(), key
        assert text.en.strip(), key
        assert places(text.ko) == places(text.en), key
