"""What a reader, a printer, a screen reader and an attacker find on the report."""

import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from report_cases import MadeUp, both, jak2, waiting

from dure.campaign.report import ReportData, as_json, render
from dure.campaign.report.data import EarlyRead
from dure.campaign.report.page import SECTIONS
from dure.campaign.report.texts import say, texts
from dure.campaign.statistics import against_random

VOID = {"meta", "link", "br", "img", "hr", "input", "col", "base", "wbr"}
LANGUAGES = ("ko", "en")


class Page(HTMLParser):
    """The elements of a page; fails on tags that do not close in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.headings, self.words = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append([tag, ""])

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)
        if any(tag in {"h1", "h2", "h3", "h4"} for tag in self.open):
            self.headings[-1][1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def data() -> ReportData:
    return jak2()


@pytest.fixture(scope="module")
def html(data):
    return {lang: render(data, lang) for lang in LANGUAGES}


@pytest.fixture(scope="module")
def pages(html):
    return {lang: Page(text) for lang, text in html.items()}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_sections_stand_in_their_order(pages, lang):
    titles = [words for tag, words in pages[lang].headings if tag == "h2"]
    assert titles == [f"{i}{say(lang, name)}" for i, name in enumerate(SECTIONS, 1)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_needs_nothing_from_outside_and_runs_nothing(html, pages, lang):
    page = pages[lang]
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & {t for t, _ in page.elements}
    assert all(a["href"].startswith("#") for a in page.of("a"))
    assert not any(name.startswith("on") or name in {"src", "srcset"} for _, a in page.elements for name in a)
    assert not re.search(r"url\(|@import|@font-face|https?://", html[lang])
    assert any("default-src 'none'" in a.get("content", "") for a in page.of("meta"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_is_light(html, lang):
    assert len(html[lang].encode()) < 1_500_000


def test_it_is_quick(data):
    start = time.process_time()
    render(data, "en")
    assert time.process_time() - start < 3


def test_the_same_data_give_the_same_bytes(data, html):
    assert render(data, "ko") == html["ko"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_is_accessible(pages, lang):
    page = pages[lang]
    assert page.of("html")[0]["lang"] == lang
    assert [tag for tag, _ in page.headings].count("h1") == 1
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for drawing in page.of("svg"):
        assert drawing.get("aria-hidden") or (drawing.get("role") == "img" and drawing.get("aria-label"))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.of("a")} <= set(ids)
    assert page.of("figure")
    assert len(page.of("figcaption")) == len(page.of("figure"))
    assert all("scope" in a for a in page.of("th"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_datum_says_how_it_is_known_and_where_it_comes_from(pages, lang):
    marked = [a for _, a in pages[lang].elements if "data-kind" in a]
    assert len(marked) > 3 * 242
    assert all(a["data-kind"] in {"measured", "simulated", "predicted", "rule"} and a["data-trace"] for a in marked)
    assert all(a["data-kind"] and a["data-trace"] for a in pages[lang].of("data"))


def test_every_reading_can_be_followed_from_the_page(data, pages):
    shown = {(a["data-trace"], float(a["value"])) for a in pages["en"].of("data")}
    assert {(a.value.trace, a.value.value) for a in data.assays} <= shown


def test_the_kinds_are_told_apart_by_word_and_not_by_colour_alone(pages):
    badges = [a["class"].split()[1] for a in pages["ko"].of("span") if a.get("class", "").startswith("badge ")]
    assert set(badges) == {"measured", "simulated", "predicted", "rule"}
    assert all(word in pages["ko"].text for word in ("측정", "모의계산", "예측", "규칙"))


def test_korean_headings_are_korean(pages):
    named_by_the_field = {"JAK2", "ChEMBL2971"}
    for _, words in pages["ko"].headings:
        assert set(re.findall(r"[A-Za-z][A-Za-z0-9]+", words)) <= named_by_the_field, words


def test_no_english_sentence_stands_on_the_korean_page_and_no_korean_one_on_the_english(data, pages):
    korean = pages["ko"].text.replace(data.provenance.sources[0].citation, "")
    assert not re.findall(r"\b(?:the|and|with|found|campaign|control|assays|which)\b", korean)
    assert not re.search(r"[가-힣]", pages["en"].text)


def test_every_text_is_used_somewhere():
    package = files("dure.campaign.report")
    code = "".join(p.read_text("utf-8") for p in package.iterdir() if p.name.endswith(".py"))
    folder = package / "templates"
    code += "".join(p.read_text("utf-8") for d in (folder, folder / "sections") for p in d.iterdir() if p.is_file())
    built = ("kind.", "status.", "better.", "verdict.", "limit.")
    unused = [
        k
        for k in texts()
        if not re.search(f"[\"']{re.escape(k)}[\"']", code) and not k.startswith(built) and k not in SECTIONS
    ]
    assert unused == []


def test_a_campaign_that_does_not_beat_a_control_says_so(pages):
    assert "does not beat 1 of its 4 controls" in pages["en"].text
    assert "이기지 못함" in pages["ko"].text


def learn_from(made, rng):
    """A greedy campaign on these labels: next are the neighbours of the best so far."""
    chosen = list(rng.permutation(len(made.ids))[:50])
    while len(chosen) < 242:
        gap = ((made.place[:, None] - made.place[chosen]) ** 2).sum(axis=2)
        guess = made.truth[chosen][gap.argmin(axis=1)]
        guess[chosen] = -np.inf
        chosen += list(np.argsort(-guess, kind="stable")[:24])
    return [made.ids[i] for i in chosen]


def test_a_campaign_on_labels_of_pure_noise_says_that_it_does_not_beat_random(data):
    verdicts = []
    for seed in range(20):
        made = MadeUp(seed, noise_only=True)
        verdicts.append(against_random(made.hits, learn_from(made, np.random.default_rng(seed))))
    unbeaten = [v for v in verdicts if v.outcome != "beats"]
    assert len(unbeaten) >= 17  # three or more false wins of 20 at 5 % have a chance of 0.08
    text = {lang: Page(render(replace(data, verdicts=(unbeaten[0],)), lang)).text for lang in LANGUAGES}
    assert "The campaign does not beat 1 of its 1 controls." in text["en"]
    assert "이 캠페인은 대조군 1개 가운데 1개를 이기지 못했습니다." in text["ko"]


def test_the_same_learner_beats_random_where_there_is_something_to_learn():
    """Otherwise the test above could not fail."""
    made = MadeUp(0)
    clear = replace(made.hits, ids=frozenset(made.ids[i] for i in np.argsort(made.place[:, 0])[-10:]))
    made.truth = made.place[:, 0]
    assert against_random(clear, learn_from(made, np.random.default_rng(0))).outcome == "beats"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_section_without_data_says_why_and_prints_no_zero(lang):
    page = Page(render(waiting(), lang))
    assert page.text.count(say(lang, "absent")) == 6
    assert say(lang, "not_scored") in page.text
    assert ("0개 중" if lang == "ko" else "0 of 10") not in page.text
    assert say(lang, "limit.retrospective") not in page.text
    assert "1,250,000 KRW" in page.text


def test_early_reads_of_the_sealed_plate_are_printed(data):
    early = (EarlyRead("2026-03-02T09:01:00Z", "P-7 <b>", "curiosity", 976),)
    page = Page(render(replace(data, early_reads=early), "en"))
    assert "P-7 <b>" in page.text
    assert say("en", "early.some") in page.text
    assert say("en", "early.none") not in page.text


HOSTILE = (
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe",
    "가" * 10_000,
    "a\x00b\ud800",
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_are_shown_and_do_nothing(data, name):
    text = both(name, name)
    finding = replace(data.answer.findings[0], name=name, drawing=f"<svg viewBox='0 0 1 1'>{name}</svg>", flags=(text,))
    source = replace(data.provenance.sources[0], title=text, citation=name, package=name)
    hostile = replace(
        data,
        title=text,
        campaign="C-1",
        stopped=text,
        asked=replace(data.asked, question=text, objective=replace(data.asked.objective, symbol=name, title=text)),
        answer=replace(data.answer, findings=(finding, *data.answer.findings[1:])),
        assays=(replace(data.assays[0], name=name), *data.assays[1:]),
        provenance=replace(data.provenance, sources=(source,), code=name, packages=((name, name),)),
        limits=(text,),
    )
    html = render(hostile, "en")
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not any(attribute.startswith("on") for _, a in page.elements for attribute in a)
    assert "\u202e" not in html
    assert "가" * 2_001 not in html
    assert "\x00" not in html
    assert "49" not in page.headings[0][1]
    html.encode("utf-8")


def test_a_number_that_is_no_number_is_refused(data):
    bad = replace(data.cost, cpu_seconds=float("nan"))
    with pytest.raises(ValueError, match=r"report\.cost\.cpu_seconds is nan"):
        replace(data, cost=bad)


def test_curves_of_different_length_are_refused(data):
    with pytest.raises(ValueError, match="243 points"):
        replace(data, discovery=replace(data.discovery, campaign=data.discovery.campaign[:-1]))


def test_the_data_are_json(data):
    written = json.dumps(as_json(data), allow_nan=False)
    assert json.loads(written)["answer"]["best"]["kind"] == "measured"


def test_a_lower_is_better_objective_colours_the_low_end_as_good(data):
    cheap = replace(data.asked, objective=replace(data.asked.objective, better="lower"))
    page = Page(render(replace(data, asked=cheap), "en"))
    assert say("en", "better.lower") in page.text


def test_a_failed_reading_is_called_failed(data):
    failed = replace(data.assays[0], value=replace(data.assays[0].value, value=None))
    assert say("en", "failed") in Page(render(replace(data, assays=(failed, *data.assays[1:])), "en")).text


def test_a_huge_campaign_stays_light_and_says_what_it_leaves_out(data):
    many = tuple(replace(a, number=i + 1) for i, a in enumerate(data.assays * 40))
    html = render(replace(data, assays=many), "en")
    assert len(html.encode()) < 6_000_000
    assert "of 9,680 are drawn" in html
    assert "The first 2,000 of 9,680" in html


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_colours_keep_the_contrast_that_wcag_asks_for(scheme):
    sheet = files("dure.campaign.report").joinpath("templates/style.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    block = dict(zip(("light", "dark", "print"), blocks, strict=True))[scheme]
    found = {
        k: v if len(v) == 7 else "#" + "".join(c * 2 for c in v[1:])
        for k, v in re.findall(r"--([\w-]+): (#\w+);", block)
    }
    for words in ("ink", "soft", "accent", "good", "bad", "measured", "simulated", "predicted", "rulekind"):
        for ground in ("paper", "card", "tint"):
            assert contrast(found[words], found[ground]) >= 4.5, (words, ground)
    for line in ("campaign", "random", "permuted", "ranking", "simple", "other", "ceiling", "novel"):
        assert contrast(found[f"c-{line}"], found["paper"]) >= 3, line
