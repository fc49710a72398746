import re
from pathlib import Path

import pytest

from imgurer_kernel import ui
from imgurer_kernel.ui.theme.theme import icons, notice, script, static

UI = Path(ui.__file__).parent

TOKENS = dict(
    re.findall(r"--imgurer-([\w-]+): light-dark\((#\w{6}, #\w{6})\);", static("theme/tokens.css"))
)
SHEETS = sorted(str(path.relative_to(UI)) for path in UI.rglob("*.css"))
SCRIPTS = sorted(str(path.relative_to(UI)) for path in UI.rglob("*.js"))


def luminance(colour):
    """Relative luminance of WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_agrees_with_the_known_extremes():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "grounds"),
    [
        ("ink", ("canvas", "surface", "raised", "ground", "accent-soft")),
        ("ink-soft", ("canvas", "surface", "raised", "ground", "accent-soft")),
        ("accent", ("canvas", "surface", "raised")),
        ("accent-ink", ("accent", "accent-strong")),
        ("done", ("canvas", "surface", "raised", "done-soft")),
        ("attention", ("canvas", "surface", "raised", "attention-soft")),
        ("failed", ("canvas", "surface", "raised", "failed-soft")),
        ("ink", ("done-soft", "attention-soft", "failed-soft")),
    ],
)
def test_words_can_be_read(ink, grounds, scheme):
    for ground in grounds:
        pair = [TOKENS[name].split(", ")[scheme] for name in (ink, ground)]
        assert contrast(*pair) >= 4.5, (ink, ground, pair)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_edges_of_fields_can_be_seen(scheme):
    for ground in ("canvas", "raised", "surface"):
        pair = [TOKENS[name].split(", ")[scheme] for name in ("border", ground)]
        assert contrast(*pair) >= 3, (ground, pair)


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_stylesheet_uses_only_tokens_that_exist(sheet):
    known = set(re.findall(r"(--imgurer-[\w-]+):", static("theme/tokens.css")))
    known.add("--imgurer-tile")  # set by a board of tiles for itself
    assert set(re.findall(r"var\((--imgurer-[\w-]+)", static(sheet))) <= known


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_stylesheet_is_whole_and_asks_for_nothing(sheet):
    text = re.sub(r"/\*.*?\*/", "", static(sheet), flags=re.DOTALL)
    assert text.count("{") == text.count("}") > 0
    for foreign in ("@import", "url(", "http"):
        assert foreign not in text
    # JupyterLab's own rules are outweighed by one more class; only hiding needs more.
    assert text.count("!important") == text.count("display: none !important")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_never_writes_html_nor_asks_for_anything(name):
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "fetch(", "import "):
        assert danger not in static(name)


def test_no_colour_outside_the_tokens():
    for sheet in SHEETS:
        if sheet == "theme/tokens.css":
            continue
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;,) ])", static(sheet)) == []


def test_a_module_knows_the_icons():
    assert '"attention"' in script("widgets/common.js").partition("\n")[0]
    assert {"done", "attention", "failed"} <= set(icons())


def test_text_is_escaped():
    html = notice("<img src=x onerror=alert(1)> & \"'")
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_meaning_is_never_colour_alone():
    for meaning in ("done", "attention", "failed"):
        assert "<svg" in notice("x", meaning)
    assert "<svg" not in notice("x", "")
