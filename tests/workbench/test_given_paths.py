"""Every public function that takes a path raises an error of this package for impossible paths."""

import pandas as pd
import pytest

from imgurer_kernel import ImgurerError, Settings, Workbench, find_duplicates
from imgurer_kernel.report.evaluation.samples import make_samples
from imgurer_kernel.report.explain.explanation import Explanation
from imgurer_kernel.report.leakage import Leakage
from imgurer_kernel.report.report import Report
from imgurer_kernel.report.writers import read_csv
from imgurer_kernel.review.plan import PLAN, read_plan, write_plan
from imgurer_kernel.review.script import write_script
from imgurer_kernel.store.maintenance.archive_export import export_store
from imgurer_kernel.store.maintenance.archive_import import import_store
from tests.support.pictures import jpeg

IMPOSSIBLE = {
    "a zero byte": "x\0",
    "half a character": "x\ud800",
    "nobody's home": "~nobody-of-that-name/x",
    "too long": "x" * 5000,
    "no text": 5,
    "empty": "",
    "bytes with a zero": b"x\0",
}


def fill(wb):
    wb.upload("a.jpg", jpeg(1, 64, 48))
    wb.upload("b.jpg", jpeg(2, 64, 48))


def _ended(path, suffix):
    return path + suffix if isinstance(path, str) else path


TAKES_PATH = {
    "ingest": lambda wb, path: wb.ingest(path, progress=False),
    "ingest of several": lambda wb, path: wb.ingest([path], progress=False),
    "similar": lambda wb, path: wb.similar(path),
    "related": lambda wb, path: wb.related(path),
    "explain": lambda wb, path: wb.explain(path, 1),
    "evidence": lambda wb, path: wb.evidence(1, path),
    "files": lambda wb, path: wb.files(folder=path),
    "clusters": lambda wb, path: wb.clusters(folders=path, progress=False),
    "references": lambda wb, path: wb.clusters(reference=[path], progress=False),
    "leakage": lambda wb, path: wb.leakage(path, path, progress=False),
    "apply": lambda wb, path: wb.apply(path),
    "acts_of": lambda wb, path: wb.acts_of(path),
    "read_plan": lambda wb, path: read_plan(path),
    "write_plan": lambda wb, path: write_plan(pd.DataFrame(columns=list(PLAN)), path),
    "write_script": lambda wb, path: write_script([], path),
    "read_csv": lambda wb, path: read_csv(path),
    "report": lambda wb, path: wb.made["report"].save(_ended(path, ".csv")),
    "page": lambda wb, path: wb.made["report"].save(_ended(path, ".html")),
    "figure": lambda wb, path: wb.made["explanation"].save(path),
    "samples": lambda wb, path: make_samples(path),
    "find": lambda wb, path: find_duplicates(path),
    "export": lambda wb, path: export_store(wb.store, path, progress=False),
    "import": lambda wb, path: import_store(wb.store, path, progress=False),
}


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    with Workbench(Settings(root=tmp_path_factory.mktemp("given") / "store")) as opened:
        fill(opened)
        opened.made = {"report": opened.report(progress=False), "explanation": opened.explain(1, 2)}
        yield opened


@pytest.mark.parametrize("what", TAKES_PATH)
def test_an_impossible_path_is_an_error_of_ours(wb, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, path in IMPOSSIBLE.items():
        if what in {"files", "clusters", "references"} and kind == "too long":
            continue  # nothing is there, which is an answer
        if isinstance(path, int) and what in {"similar", "related", "explain", "evidence"}:
            continue  # an image
        with pytest.raises(ImgurerError):
            TAKES_PATH[what](wb, path)
    assert not [*tmp_path.iterdir()]


def test_a_store_is_not_made_at_an_impossible_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in IMPOSSIBLE.values():
        with pytest.raises(ImgurerError), Workbench(Settings(root=path)) as wb:
            wb.images()


def test_an_impossible_path_among_others_is_one_answer(wb):
    rows = wb.lookup([*IMPOSSIBLE.values(), jpeg(1, 64, 48)], progress=False)
    assert rows["status"].tolist()[-1] == "exact"
    assert set(rows["status"][:-1]) == {"rejected"}


def test_the_folder_of_a_leakage_is_one(wb, tmp_path):
    folders = [tmp_path / "train", tmp_path / "test"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / "a.jpg").write_bytes(jpeg(number + 1, 64, 48))
    wb.ingest(folders, store="reference", progress=False)
    found = wb.leakage(*folders, progress=False)
    for path in (*IMPOSSIBLE.values(), tmp_path / "train" / "a.jpg" / "below"):
        with pytest.raises(ImgurerError):
            found.save(path)


@pytest.mark.parametrize("wrong", [5, None, b"*.png", [b"*.png"]])
def test_invalid_patterns(wb, wrong, tmp_path):
    for ask in (wb.ingest, wb.clusters):
        with pytest.raises(ImgurerError, match=r"exclude is .*must be a pattern"):
            ask(*([tmp_path] if ask == wb.ingest else []), exclude=wrong, progress=False)


def test_what_saves_is_tried_here():
    # Whoever gives another thing a `save` adds it above.
    assert all(hasattr(kind, "save") for kind in (Report, Explanation, Leakage))
