"""Sample small mutations of the core, run the tests of their room, list those that live.

    python -m venv .venv-mutation
    .venv-mutation/bin/pip install -r tools/mutation/requirements.txt
    .venv-mutation/bin/python -m tools.mutation --sample 300 --out mutation.md

The mutations are cosmic-ray's: a comparison, an `and`, a plus, a number, a decorator. They are made
in a copy of the checkout, whose tests run with the project's own Python. The same seed and code
draw the same mutations, and what was tried is kept beside the list: the same command goes on there.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tools.mutation.rooms import modules, own_tests, tests_of

ROOT = Path(__file__).parents[2]
# Longer than the slowest room takes alone: an endless loop counts as noticed.
SECONDS = 600
# Mutations that no test could or should notice: of annotations and identity with None.
MUTE = ("Is_", "IsNot_", "BitOr_", "VariableReplacer", "VariableInserter", "RemoveDecorator")


@dataclass(frozen=True)
class Mutant:
    """One mutation: where, by which operator, its how manieth place in the module."""

    module: Path
    operator: str
    occurrence: int

    def code(self, source: str) -> str | None:
        """Return the mutated source, None where the operator finds no such place."""
        operator = plugins.get_operator(self.operator)()
        changed: str | None = mutate_code(source, operator, self.occurrence)
        return changed


def mutants(module: Path) -> Iterator[Mutant]:
    """Yield every mutation of a module, in the order of operators and places."""
    tree = get_ast(module.read_text("utf-8"))
    for name in plugins.operator_names():
        kind = plugins.get_operator(name)
        if kind.arguments() or any(mute in name for mute in MUTE):
            continue
        operator = kind()
        places = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))
        for occurrence in range(places):
            yield Mutant(module, name, occurrence)


def drawn(root: Path, sample: int, seed: int) -> list[Mutant]:
    """Draw mutations: a module by the number of its places, then one for each place and kind."""
    every = [mutant for module in modules(root) for mutant in mutants(module)]
    # An operator such as "+ to -" has nine brothers; without this most would be of arithmetic.
    kinds = Counter((each.module, each.operator.split("_")[0]) for each in every)
    weights = [1 / kinds[each.module, each.operator.split("_")[0]] ** 0.5 for each in every]
    generator = random.Random(seed)  # noqa: S311 - a sample, no secret
    chosen: dict[Mutant, None] = {}
    while len(chosen) < min(sample, len(every)):
        chosen[generator.choices(every, weights)[0]] = None
    return list(chosen)


def noticed(tests: Sequence[Path], root: Path, python: Path) -> str:
    """Say which test fails, or that they take too long; nothing where all pass."""
    command = [python, "-m", "pytest", "-q", "-x", "-p", "no:nbval", "-p", "no:cacheprovider"]
    command += ["-n", "0", *tests]
    try:
        ended = subprocess.run(
            list(map(str, command)), cwd=root, capture_output=True, timeout=SECONDS,
            env={
                "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1",
                "NUMBA_NUM_THREADS": "1",
            },
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "no end"
    if not ended.returncode:
        return ""
    lines = ended.stdout.decode("utf-8", "replace").splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (failed or [f"status {ended.returncode}"])[0][:200]


def copy_checkout(checkout: Path, into: Path) -> Path:
    """Copy what is tracked and compiled code, so that the checkout is not touched."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=checkout, check=True, capture_output=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, target)
    # Else the first tests compile it anew, which takes minutes.
    for compiled in checkout.glob("imgurer_kernel/*/_numba/__pycache__/*.nb?"):
        target = into / compiled.relative_to(checkout)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(compiled, target)
    return into


def changed_lines(mutant: Mutant, before: str, after: str, root: Path) -> str:
    """Show what a mutation changes, as a diff without context."""
    lines = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    body = "\n".join(line for line in lines if not line.startswith(("---", "+++")))
    return f"{mutant.module.relative_to(root)}\n\n```diff\n{body}\n```\n"


def run(
    checkout: Path, chosen: tuple[int, int, slice], python: Path, out: Path, *, own: bool
) -> None:
    """Try the sample, and write what lived after each, so that an end loses nothing.

    `chosen` is the size of the sample, its seed, and which of it are tried.
    """
    sample, seed, part = chosen
    kept = out.with_suffix(".jsonl")
    tried = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    before_this = {(each["module"], each["operator"], each["place"]) for each in tried}
    with tempfile.TemporaryDirectory() as folder:
        root = copy_checkout(checkout, Path(folder))
        sound: dict[Path, bool] = {}
        for mutant in drawn(root, sample, seed)[part]:
            name = mutant.module.relative_to(root).as_posix()
            if (name, mutant.operator, mutant.occurrence) in before_this:
                continue
            tests = (own_tests if own else tests_of)(mutant.module, root)
            before = mutant.module.read_text("utf-8")
            after = mutant.code(before)
            if after is None or after == before:
                continue
            # Tests that fail by themselves would seem to notice everything.
            if not own and tests[-1] not in sound:
                sound[tests[-1]] = not noticed(tests[-1:], root, python)
            if not own and not sound[tests[-1]]:
                sys.stderr.write(f"{mutant.module}: its tests fail as it is\n")
                continue
            mutant.module.write_text(after, "utf-8")
            try:
                noticed_by = noticed(tests, root, python)
            finally:
                mutant.module.write_text(before, "utf-8")
            shown = "" if noticed_by else changed_lines(mutant, before, after, root)
            entry = {"module": name, "operator": mutant.operator, "place": mutant.occurrence}
            tried.append({**entry, "noticed by": noticed_by, "alive": shown})
            with kept.open("a") as file:
                file.write(json.dumps(tried[-1]) + "\n")
            alive = [each["alive"] for each in tried if each["alive"]]
            head = f"# {len(tried) - len(alive)} of {len(tried)} mutations noticed (seed {seed})"
            out.write_text("\n\n".join([head, *alive]), "utf-8")
            sys.stderr.write(f"{len(tried)}/{sample}, {len(alive)} alive: {name}\n")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose code and tests")
    parser.add_argument(
        "--own", action="store_true", help="without the room's other tests: quicker, and stricter"
    )
    parser.add_argument(
        "--part", default="1/1", metavar="K/N", help="only each N-th, from the K-th: N at a time"
    )
    parser.add_argument("--python", type=Path, default=ROOT / ".venv" / "bin" / "python")
    parser.add_argument("--out", type=Path, default=Path("mutation.md"))
    given = parser.parse_args()
    python = given.python.absolute()
    first, _, step = given.part.partition("/")
    chosen = given.sample, given.seed, slice(int(first) - 1, None, int(step))
    run(given.checkout, chosen, python, given.out, own=given.own)


if __name__ == "__main__":
    main()
