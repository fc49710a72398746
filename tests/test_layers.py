"""The architecture, enforced: a module imports only from lower layers."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "imgurer_kernel"

# A name is a module or, with a trailing dot, everything in a subpackage.
LAYERS = (
    {"errors", "records", "words"},
    {"files", "settings", "alignment", "parallel"},
    {"kernels."},
    {"hashes", "clusters"},
    {"chunking"},
    {"planner"},
    {"segment", "bulk"},
    {"snapshot"},
    {"dhash", "bktree", "index", "stars", "borders", "tones", "memory", "codecs."},
    {"views", "index_info"},
    {"verify", "candidates", "layout", "closeup"},
    {"evidence", "gallery", "pairs", "lookup", "overlay", "plan"},
    {"found", "comparing"},
    {"standing"},
    {"settling", "carried", "figures."},
    {"duplicates", "explanation", "calibration"},
    {"images", "blobs.", "lease.", "sources", "progress", "scenes.", "retouch", "transforms"},
    {"catalog.", "fingerprint", "samples"},
    {"examine"},
    {"intake"},
    {"users", "sessions", "ingest", "live", "query", "results", "renewal", "report_page"},
    {"naming", "stored"},
    {"matching", "clustering", "plain", "flat", "upkeep", "explainer", "planting"},
    {"searching"},
    {"workbench"},
    {"report", "review", "archive"},
    {"ui."},
    {"server."},
    {"terminal"},
    {"commands"},
    {"cli", "api", "scale"},
    {"__init__", "__main__"},
)

# Where a library may be imported; everywhere else it is out of place.
HOMES = {
    "PIL": {
        "images",
        "codecs.pixels",
        "codecs.view",
        "codecs.gate",
        "samples",
        "scenes.",
        "retouch",
        "transforms",
    },  # the latter draw pictures: that is their job
    "pillow_heif": {"images"},
    "duckdb": {"catalog."},
    "numba": {"kernels."},
    "llvmlite": {"kernels."},
    "filelock": {"lease."},
    "argon2": {"users"},
    "ipywidgets": {"ui."},
    "anywidget": {"ui."},
    "voila": {"server."},
    "tornado": {"server.", "sessions"},
    "jupyter_server": {"server."},
    "jupyterlab_server": {"server."},
    "jupyter_client": {"server."},
    "jinja2": {"server."},
    "fastapi": {"api"},
    "daft": {"scale"},
    "matplotlib": {"figures."},
}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py"))


def dotted(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def belongs(name, homes):
    return any(
        name == home or (home.endswith(".") and f"{name}.".startswith(home)) for home in homes
    )


def layer_of(name):
    found = [depth for depth, names in enumerate(LAYERS) if belongs(name, names)]
    assert len(found) == 1, f"{name} has {len(found)} layers; add it to LAYERS once"
    return found[0]


def imports(path):
    """Every absolute name that a module imports, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "imgurer_kernel":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_only_lower_layers(path):
    name = dotted(path)
    for imported in imports(path):
        package, _, target = imported.partition(".")
        if package != "imgurer_kernel" or not target:
            continue
        if not (PACKAGE / (target.replace(".", "/") + ".py")).exists():
            target = target.rpartition(".")[0] or target
        if name.split(".")[0] == target.split(".")[0] and "." in name + target:
            continue  # within one subpackage
        assert layer_of(target) < layer_of(name), f"{name} imports {target} from a layer above"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_a_library_stays_where_it_belongs(path):
    for imported in imports(path):
        library = imported.partition(".")[0]
        if library in HOMES:
            assert belongs(dotted(path), HOMES[library]), f"{library} is imported in {dotted(path)}"


def test_sql_is_only_in_the_catalog():
    verbs = ("SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "UPDATE ")
    for path in modules():
        if dotted(path) == "catalog" or dotted(path).startswith("catalog."):
            continue
        text = path.read_text(encoding="utf-8")
        assert not any(verb in text for verb in verbs), f"SQL in {dotted(path)}"
