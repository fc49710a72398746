"""The documentation: its snippets run, its commands parse, its links work, and it builds."""

import re
import shlex
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from imgurer_kernel.apps.cli.parser import build_parser
from imgurer_kernel.workbench.methods import likeness
from tests.support.pictures import encode, resized, scene
from tools.draw_docs import PICTURES, draw

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PAPERS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name(path):
    return path.relative_to(ROOT).as_posix()


def snippets(path, language):
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language]


def commands(path):
    lines = [line for text in snippets(path, "sh") for line in text.splitlines()]
    return [line for line in lines if line.startswith("imgurer ")]


RUNNABLE = [page for page in PAGES if snippets(page, "python")]
IN_SHELL = [paper for paper in PAPERS if commands(paper)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the snippets run: two pictures with copies of one in three folders."""
    folder = tmp_path_factory.mktemp("docs")
    for few in ("samples", "train", "test"):
        (folder / few).mkdir()
    whole = scene(3, 360, 270)
    copies = {
        "copy.jpg": encode(whole),
        "small.jpg": encode(resized(whole, 240, 180)),
        "re-encoded.jpg": encode(whole, quality=60),
        "cropped.jpg": encode(whole[:250, 30:]),
    }
    originals = {"original.jpg": encode(whole), "other.jpg": encode(scene(4, 360, 270))}
    for places, files in ((("samples", "train"), copies), (("samples", "test"), originals)):
        for place in places:
            for name, data in files.items():
                (folder / place / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("page", RUNNABLE, ids=name)
def test_snippets_run_from_top_to_bottom(page, folder, tmp_path, monkeypatch):
    for few in ("samples", "train", "test"):
        shutil.copytree(folder / few, tmp_path / few)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    if page.stem == "start":  # it makes the samples itself, all of them, which takes seconds
        monkeypatch.setattr("imgurer_kernel.report.evaluation.samples.make_samples", lambda _: None)
    if "wb.map(" in page.read_text(encoding="utf-8"):  # a process of its own takes seconds
        monkeypatch.setattr(
            likeness, "lay_out_apart", lambda grays, *_: np.full((len(grays), 2), 0.5)
        )
    names = {}
    for text in snippets(page, "python"):
        exec(compile(text, name(page), "exec"), names)
    if "found" in names:
        assert len(names["found"]), "nothing is found, so nothing is shown"


@pytest.mark.parametrize("paper", IN_SHELL, ids=name)
def test_commands_are_understood(paper):
    for line in commands(paper):
        words = shlex.split(line, comments=True)[1:]
        try:
            build_parser().parse_args(words)
        except SystemExit:
            pytest.fail(line)


@pytest.mark.parametrize("paper", PAPERS, ids=name)
def test_links_lead_somewhere(paper):
    text = FENCE.sub("", paper.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if not (paper.parent / link.split("#")[0]).exists()]
    assert not missing


def test_pictures_are_used_and_described():
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in PICTURES.iterdir():
        assert re.search(rf"!\[.{{20,}}\]\([\w./]*{re.escape(picture.name)}\)", shown), picture


def test_the_documentation_builds_without_foreign_assets(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies use what is deprecated
        from mkdocs.commands.build import build
        from mkdocs.config import load_config

        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"([^\"]+)\"", text)
        loaded += re.findall(r"<link[^>]*\shref=\"([^\"]+)\"[^>]*rel=\"stylesheet\"", text)
        loaded += re.findall(r"<link[^>]*rel=\"stylesheet\"[^>]*\shref=\"([^\"]+)\"", text)
        assert loaded
        assert not [address for address in loaded if "//" in address], page
    reference = (tmp_path / "site" / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "imgurer review apply" in reference
    assert "find_duplicates" in (tmp_path / "site" / "reference" / "workbench.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.long
def test_the_pictures_can_be_drawn_again(tmp_path):
    assert [path.stat().st_size > 10_000 for path in draw(tmp_path)] == [True, True, True]
