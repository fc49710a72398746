"""The package as a whole: public names, docstrings, unique class names."""

import ast
import importlib
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import imgurer_kernel

PACKAGE = Path(imgurer_kernel.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

PUBLIC = {
    "imgurer_kernel": ["Fingerprint", "ImgurerError", "Settings", "Workbench", "find_duplicates"],
    "imgurer_kernel.apps.server": ["serve"],
    "imgurer_kernel.fingerprint": ["ALGORITHM", "Fingerprint", "fingerprint"],
    "imgurer_kernel.index": ["BKTree", "components", "neighbors"],
    "imgurer_kernel.report": ["Leakage", "Report", "cluster_table", "leakage", "summary"],
    "imgurer_kernel.report.figures": [
        "DPI",
        "FigurePanel",
        "NotebookFigure",
        "calibration_figure",
        "comparison_figure",
        "contact_sheet",
        "dhash_figure",
        "explanation_figure",
        "plot_cluster_sizes",
        "plot_distances",
        "plot_freed",
        "plot_kinds",
        "plot_map",
        "plot_nearest",
        "plot_times",
    ],
    "imgurer_kernel.store.blobs": ["BlobStore", "check_digest"],
    "imgurer_kernel.store.catalog": [
        "Catalog",
        "Changes",
        "Connection",
        "Statistics",
        "commands",
        "decisions",
        "files",
        "fingerprints",
        "generations",
        "journal",
        "known_files",
        "queries",
        "quotas",
        "sessions",
        "trash",
        "users",
    ],
    "imgurer_kernel.store.catalog.lock": ["Lease"],
    "imgurer_kernel.ui": [
        "BrowsePanel",
        "ComparePanel",
        "Dashboard",
        "GalleryPanel",
        "MapPanel",
        "ReviewPanel",
        "SearchPanel",
        "UploadPanel",
        "UsersPanel",
        "pictures",
    ],
    "imgurer_kernel.workbench": ["Workbench"],
}


def dotted(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_the_public_packages_are_those_that_are_listed_here():
    """A package with an `__all__` is public, so this test fixes its names."""
    packages = (path for path in MODULES if path.name == "__init__.py")
    assert {dotted(path) for path in packages if "__all__" in path.read_text()} == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_there_and_sorted(name):
    module = importlib.import_module(name)
    assert module.__all__ == PUBLIC[name] == sorted(PUBLIC[name])
    assert set(module.__all__) <= set(dir(module))
    assert all(hasattr(module, each) for each in module.__all__)


def test_the_names_of_ui_are_listed_before_they_are_loaded():
    program = (
        "import sys; from imgurer_kernel import ui; print(*dir(ui)); "
        "print(any(name.startswith('ipywidgets') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    names, widgets = done.stdout.decode().splitlines()
    assert names.split() == PUBLIC["imgurer_kernel.ui"]
    assert widgets == "False"


def type_names(path):
    """List the names of the classes and type aliases of a module, without type variables."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for node in tree(path).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or "TypeVar(" in ast.unparse(node):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for name in map(ast.unparse, targets):
            if name[0].isupper() and not name.isupper():
                yield name


def test_no_name_of_a_type_means_two_things():
    places = defaultdict(list)
    for path in MODULES:
        for name in type_names(path):
            places[name].append(dotted(path))
    assert len(places) > 300
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_every_module_and_package_says_what_it_is_for():
    assert [dotted(path) for path in MODULES if not ast.get_docstring(tree(path))] == []


def test_no_file_is_longer_than_one_idea():
    """A longer file than 350 lines has a second idea, which needs a file of its own."""
    kinds = {".py", ".js", ".css", ".j2", ".sql"}
    files = [path for path in PACKAGE.rglob("*") if path.suffix in kinds]
    assert len(files) > 400
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {str(path): number for path, number in lines.items() if number > 350} == {}


def test_every_package_says_what_belongs_in_it():
    """One line names it; the next ones say what is in it, and what is not."""
    packages = [
        path for path in MODULES if path.name == "__init__.py" and "_numba" not in str(path)
    ]
    lines = {dotted(path): len(ast.get_docstring(tree(path)).splitlines()) for path in packages}
    assert [name for name, number in lines.items() if number < 3] == []


REFERENCE = re.compile(r"`(imgurer_kernel(?:\.[A-Za-z_]\w*)+)")
WALK = re.compile(r"`([a-z]\w*(?:\.[A-Za-z_]\w*)+)`")


def leads_nowhere(name, modules, members):
    """Return whether a dotted name is neither a module, nor defined in one, nor a member."""
    parts = name.split(".")
    end = max(k for k in range(1, len(parts) + 1) if ".".join(parts[:k]) in modules)
    text = modules[".".join(parts[:end])]
    if end < len(parts) and not re.search(rf"\b{parts[end]}\b", text):
        return True
    return not set(parts[end + 1 :]) <= members


def test_references_in_docstrings_and_the_architecture_exist():
    """By the text of the sources, since importing all of them takes seconds."""
    modules = {dotted(path): path.read_text(encoding="utf-8") for path in MODULES}
    everything = "\n".join(modules.values())
    members = set(re.findall(r"^\s+(?:async )?def (\w+)|^    (\w+):", everything, re.MULTILINE))
    members = {name for pair in members for name in pair}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    paper = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(REFERENCE.findall(everything))
    walked = {name for name in WALK.findall(paper) if name.split(".")[0] in packages}
    assert len(named) > 100
    assert len(walked) > 40
    named |= {f"imgurer_kernel.{name}" for name in walked}
    assert [name for name in sorted(named) if leads_nowhere(name, modules, members)] == []


OWN_NAME = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")
ELSEWHERE = {"executemany", "FileUpload"}  # of DuckDB and of ipywidgets


def test_names_in_docstrings_are_names_of_the_code():
    """Renamed code must be renamed in the prose, too."""
    prose, code = [], set()
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        prose += re.findall(r'""".*?"""', text, re.DOTALL)
        code |= set(re.findall(r"\w+", re.sub(r'""".*?"""', "", text, flags=re.DOTALL)))
    named = {part for text in prose for name in OWN_NAME.findall(text) for part in name.split(".")}
    assert len(named) > 500
    assert sorted(named - code - ELSEWHERE - {""}) == []
