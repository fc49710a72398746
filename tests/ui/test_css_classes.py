"""Stylesheets: no rule without a widget, no class without a rule."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import imgurer_kernel
from imgurer_kernel.ui.theme.theme import SCOPE

PACKAGE = Path(imgurer_kernel.__file__).parent
SHEETS = sorted(PACKAGE.rglob("*.css"))
CODE = [
    *sorted((PACKAGE / "ui").rglob("*.py")),
    *(p for p in sorted(PACKAGE.rglob("*")) if p.suffix in {".js", ".html", ".j2"}),
]

# Classes that ipywidgets and JupyterLab give to what they make, and who makes it here.
STOCK = {
    "jp-Cell": None,
    "jp-Cell-outputArea": None,
    "jp-Cell-outputWrapper": None,
    "jp-MarkdownCell": None,
    "jp-OutputArea-child": None,
    "jp-OutputArea-output": None,
    "jp-OutputPrompt": None,
    "jupyter-button": "Button",
    "jupyter-widgets": "VBox",
    "mod-active": "ToggleButtons",
    "mod-danger": "Button",
    "mod-primary": "Button",
    "widget-box": "VBox",
    "widget-checkbox": "Checkbox",
    "widget-dropdown": "Dropdown",
    "widget-hbox": "HBox",
    "widget-html": "HTML",
    "widget-html-content": "HTML",
    "widget-inline-hbox": "Checkbox",
    "widget-label": "HTML",
    "widget-text": "Text",
    "widget-toggle-buttons": "ToggleButtons",
}

# Classes without a rule on purpose: a script looks for the first, a notebook may for the others.
BARE = {"imgurer-shortcut-target", "imgurer-input", "imgurer-notice-plain"}
MEANINGS = ("done", "attention", "failed")


def selected(sheet):
    """Classes that the selectors of a stylesheet name."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    selectors = " ".join(each for each in re.findall(r"([^{};]+)\{", text) if "@" not in each)
    return set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", selectors))


def texts(path):
    """What code writes: string constants of Python without docstrings, all else without comments.

    A value that is put into a text stands as ``{}``.
    """
    code = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return [re.sub(r"\$\{[^}]*\}", "{}", re.sub(r"^\s*//.*$", "", code, flags=re.MULTILINE))]
    found, docstrings = [], set()
    for node in ast.walk(ast.parse(code)):  # a statement comes before the constant in it
        if isinstance(node, ast.Expr):
            docstrings.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            found.append("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [] if node in docstrings else [node.value]
    return found


@cache
def written():
    """Classes that code gives to elements, or looks for."""
    words = set()
    for path in CODE:
        for text in texts(path):
            words |= set(re.findall(r"(?<![\w-])[a-z][a-z-]*[a-z](?![\w-])", text))
            for start in re.findall(r"(imgurer-[a-z-]*)\{\}", text):
                words |= {start + meaning for meaning in MEANINGS}
    return words | {f"{SCOPE}-page", f"{SCOPE}-dashboard", "imgurer-notice-plain"}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_rule_is_for_something(sheet):
    unused = selected(sheet) - written()
    assert unused - set(STOCK) == set()
    if sheet.is_relative_to(PACKAGE / "ui"):
        foreign = {name for name in selected(sheet) if not name.startswith(SCOPE)}
        assert foreign - set(STOCK) == set()


@pytest.mark.parametrize("widget", sorted({name for name in STOCK.values() if name}))
def test_the_stock_widgets_with_rules_are_used(widget):
    assert any(f"ipywidgets.{widget}" in path.read_text(encoding="utf-8") for path in CODE)


def test_no_stock_class_is_listed_in_vain():
    assert set(STOCK) <= set().union(*map(selected, SHEETS))


def test_every_class_has_a_rule_or_is_bare_on_purpose():
    classes = {word for word in written() if word.startswith(f"{SCOPE}-")}
    assert classes - set().union(*map(selected, SHEETS)) == BARE
