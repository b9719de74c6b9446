"""Only harmless SVG reaches the page."""

import pytest

from dure.campaign.report.drawing import LARGEST, clean

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<script href="https://example.org/x.js"/>',
        '<path d="M0 0" onclick="alert(1)"/>',
        '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
        '<image href="https://example.org/x.png"/>',
        '<use xlink:href="#x"/>',
        "<foreignObject><body>hello</body></foreignObject>",
        "<style>* { background: url(https://example.org) }</style>",
        '<rect fill="url(https://example.org#a)"/>',
        '<rect style="fill:url(//example.org)"/>',
        '<rect style="background-image:url(x)"/>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<path d="M0 0&quot; onload=&quot;alert(1)"/>',
    ],
)
def test_what_could_run_or_load_is_dropped(hostile):
    drawn = clean(f'{HEAD}{hostile}<circle r="1"/></svg>', "a drawing")
    assert drawn is not None
    assert '<circle r="1"/>' in drawn
    lowered = drawn.lower()
    assert not any(
        word in lowered for word in ("script", "alert", "example.org", "href", "url", "onload", "onclick", "hello")
    )


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "no drawing",
        "<svg viewBox='0 0 1 1'><g></svg>",
        "<html/>",
        "<svg/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg viewBox="0 0 1 1"><text>&a;</text></svg>',
        "<svg viewBox='0 0 1 1'>" + " " * LARGEST + "</svg>",
    ],
)
def test_what_is_no_drawing_gives_none(broken):
    assert clean(broken, "x") is None


def test_words_are_kept_and_escaped():
    drawn = clean(f"{HEAD}<text x='1'>산소 &lt;b&gt;<tspan>2</tspan>끝\u202e</text></svg>", 'a "title" <b>')
    assert "산소 &lt;b&gt;<tspan>2</tspan>끝[U+202E]" in drawn
    assert 'aria-label="a &#34;title&#34; &lt;b&gt;"' in drawn


def test_style_becomes_attributes_and_wins():
    assert 'stroke="#000000"' in clean(
        f"{HEAD}<path d='M0 0' stroke='red' style='stroke:#000000;filter:x'/></svg>", "x"
    )


def test_the_view_box_is_made_from_the_size():
    assert 'viewBox="0 0 300 220"' in clean("<svg width='300px' height='220px'><g/></svg>", "x")


def test_a_deeply_nested_drawing_does_not_exhaust_the_stack():
    assert clean(HEAD + "<g>" * 20_000 + "</g>" * 20_000 + "</svg>", "x") is not None


def test_a_chemists_drawing_keeps_its_lines():
    rdkit = pytest.importorskip("rdkit.Chem.Draw.rdMolDraw2D")
    from rdkit import Chem

    drawer = rdkit.MolDraw2DSVG(300, 200)
    rdkit.PrepareAndDrawMolecule(drawer, Chem.MolFromSmiles("CCO"))
    drawer.FinishDrawing()
    text = drawer.GetDrawingText()
    assert clean(text, "ethanol").count("<path") == text.count("<path")
