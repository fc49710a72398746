"""The notebooks: their stored outputs, and that they run on any folder."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.support import pictures

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
CORPUS = ROOT.parent / "shared" / "corpus" / "near_duplicates"


def read(path):
    return nbformat.read(path, as_version=4)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs_of(notebook):
    return [output for cell in code_of(notebook) for output in cell.outputs]


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_eight():
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(1, 9)]


@each_notebook
def test_it_begins_with_a_question_and_ends_with_what_is_done(path):
    notebook = read(path)
    words = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert words[0].splitlines()[0].startswith(f"# {int(path.stem[:2])}. ")
    assert words[0].splitlines()[0].endswith("?")
    assert any(text.startswith(("**Done", "**Decided")) for text in words[-2:])


@each_notebook
def test_one_cell_has_the_parameters(path):
    tagged = [cell for cell in code_of(read(path)) if "parameters" in cell.metadata.get("tags", ())]
    assert len(tagged) == 1
    assert tagged[0].outputs == []


@each_notebook
def test_no_cell_hides_its_output_from_the_comparison(path):
    for cell in code_of(read(path)):
        tags = {tag.lower().replace("_", "-") for tag in cell.metadata.get("tags", ())}
        assert not [tag for tag in tags if tag.startswith(("nbval", "raises"))]
        assert "NBVAL" not in cell.source.upper()


@each_notebook
def test_outputs_were_run_in_order_and_do_not_name_the_machine(path):
    notebook = read(path)
    numbers = [cell.execution_count for cell in code_of(notebook)]
    assert numbers == list(range(1, len(numbers) + 1))
    for output in outputs_of(notebook):
        assert output.output_type in {"stream", "execute_result", "display_data"}
        assert output.get("name") != "stderr"
        data = output.get("data", {})
        # Without the widget's state there would be nothing to see but an error.
        assert not {"application/vnd.jupyter.widget-view+json", "image/png"} & set(data)
    text = path.read_text(encoding="utf-8")
    assert "/home/" not in text
    assert "it/s]" not in text  # a progress bar is another one each time
    assert str(ROOT) not in text


def test_all_of_them_are_small():
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 2_000_000


@pytest.fixture
def folder(tmp_path):
    """Four pictures and a small copy of two of them."""
    place = tmp_path / "photos of mine"
    place.mkdir()
    for seed in range(4):
        pixels = pictures.scene(seed)
        (place / f"{seed}.jpg").write_bytes(pictures.encode(pixels, quality=92))
        if seed < 2:
            small = pictures.encode(pictures.resized(pixels, 320, 240), quality=80)
            (place / f"{seed} small.jpg").write_bytes(small)
    return place


def papermill(name, folder, tmp_path, *parameters):
    """Run a notebook as the README says; returns it with its outputs."""
    done = tmp_path / "done.ipynb"
    command = [sys.executable, "-m", "papermill", str(ROOT / "notebooks" / name), str(done)]
    command += ["-p", "folder", str(folder), "--no-progress-bar", *parameters]
    environment = {
        **os.environ,
        "IMGURER_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode(errors="replace")[-3000:]
    return read(done)


def run_here(name, **parameters):
    """Run a notebook in this process, with values after its cell of parameters, as papermill."""
    shell, answers = InteractiveShell.instance(), []
    for cell in code_of(read(ROOT / "notebooks" / name)):
        done = shell.run_cell(cell.source)
        done.raise_error()
        answers.append(done.result)
        if "parameters" in cell.metadata.get("tags", ()):
            shell.push(parameters)
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()
    return answers


def test_the_report_of_a_folder_of_ones_own(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGURER_CACHE", str(tmp_path / "cache"))
    page = tmp_path / "duplicates.html"
    shown = run_here("04_duplicate_report.ipynb", folder=str(folder), page=str(page))
    check_report(map(repr, shown), page, folder)


@pytest.mark.long
def test_the_report_of_a_folder_of_ones_own_by_papermill(folder, tmp_path):
    page = tmp_path / "duplicates.html"
    notebook = papermill("04_duplicate_report.ipynb", folder, tmp_path, "-p", "page", str(page))
    shown = [output.get("data", {}).get("text/plain", "") for output in outputs_of(notebook)]
    check_report(shown, page, folder)


def check_report(shown, page, folder):
    assert any(text.startswith("Report(2 clusters, 4 files, ") for text in shown)
    assert "1 small.jpg" in page.read_text(encoding="utf-8")
    assert len(list(folder.iterdir())) == 6


@pytest.mark.long
@pytest.mark.parametrize("name", ["01_ingest", "05_accuracy", "06_review", "08_large_catalogs"])
def test_the_others_of_a_folder_of_ones_own(name, folder, tmp_path):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    papermill(f"{name}.ipynb", folder, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.long
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of near duplicates is not here")
def test_the_report_of_the_corpus(tmp_path):
    page = tmp_path / "duplicates.html"
    papermill("04_duplicate_report.ipynb", CORPUS, tmp_path, "-p", "page", str(page))
    assert page.stat().st_size > 10_000
