"""Which modules are mutated, and which tests of their own room ought to notice."""

import re
from pathlib import Path

# Where a small mistake loses pictures, merges strangers or lets somebody in. A room's value says
# which tests may notice: its own, not those of the rooms above it.
CORE = {
    "fingerprint/hashes": "fingerprint",
    "index": "index",
    "matching": "matching",
    "matching/clusters": "matching",
    "review": "review",
    "store/blobs": "store",
    "store/catalog": "store",
    "store/ingest": "store",
    "apps/server": "apps",
}
# Compiled code is not seen to change by a process that has it cached; packages' heads do nothing.
LEFT_OUT = ("__init__.py",)


def modules(root: Path) -> list[Path]:
    """List the core's modules below a checkout, in the order of their paths."""
    package = root / "imgurer_kernel"
    found = {path for folder in CORE for path in (package / folder).glob("*.py")}
    return sorted(path for path in found if path.name not in LEFT_OUT)


def tests_of(module: Path, root: Path) -> list[Path]:
    """List the tests that ought to notice, the likeliest first.

    The module's own, those that import it, then all of its room.
    """
    inside = module.relative_to(root / "imgurer_kernel")
    folder = root / "tests" / CORE[inside.parent.as_posix()]
    names = (f"{inside.stem}*", f"{inside.parent.name}_{inside.stem}*", f"{inside.parent.name}*")
    found = [path for name in names for path in sorted(folder.glob(f"test_{name}.py"))]
    dotted = ".".join(("imgurer_kernel", *inside.with_suffix("").parts))
    package = dotted.rpartition(".")[0].replace(".", r"\.")
    naming = re.compile(rf"{dotted}\b|from {package} import .*\b{inside.stem}\b")
    importing = [
        path for path in sorted(folder.glob("test_*.py")) if naming.search(path.read_text("utf-8"))
    ]
    # The module itself has examples.
    return [*dict.fromkeys([*found, module, *importing]), folder]


def own_tests(module: Path, root: Path) -> list[Path]:
    """List those of `tests_of` without the room, unless the module has none but its examples."""
    *own, room = tests_of(module, root)
    # Of a module without examples pytest alone would say that nothing was run.
    return own if any(path.name.startswith("test_") for path in own) else [*own, room]
