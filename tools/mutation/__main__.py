"""Sample small mutations of the core, run the tests of their room, list those that live.

    python -m venv .venv-mutation
    .venv-mutation/bin/pip install -r tools/mutation/requirements.txt
    .venv-mutation/bin/python -m tools.mutation --sample 300 --out mutation.md

The mutations are cosmic-ray's: a comparison, an `and`, a plus, a number, a decorator. They are made
in a copy of the checkout, whose tests run with the project's own Python: those of the module's room
that come to what is changed, the module's own first. The same seed and code draw the same
mutations, and what was tried is kept beside the list: the same command goes on there.
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

from tools.mutation.reach import Reach, is_python, record, room_of
from tools.mutation.rooms import CORE, modules

ROOT = Path(__file__).parents[2]
PACKAGE = "imgurer_kernel"
# An endless loop counts as noticed: what takes longer than this and so many times as before.
LEAST_SECONDS, TIMES = 60, 3
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
        try:
            changed: str | None = mutate_code(source, operator, self.occurrence)
        except AttributeError:  # cosmic-ray replaces no exception of a module, such as `io.Error`
            return None
        return changed


def mutants(module: Path) -> Iterator[Mutant]:
    """Yield every mutation of a module, in the order of operators and places."""
    nodes = list(ast_nodes(get_ast(module.read_text("utf-8"))))
    for name in plugins.operator_names():
        kind = plugins.get_operator(name)
        if kind.arguments() or any(mute in name for mute in MUTE):
            continue
        operator = kind()
        places = sum(len(list(operator.mutation_positions(node))) for node in nodes)
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


@dataclass
class Runner:
    """Runs tests in a copy of a checkout by one process that has imported what they need."""

    root: Path
    python: Path

    def __post_init__(self) -> None:
        # By their hashes: a mutated source can have the size and the time of the one before.
        compiled = [
            "-m",
            "compileall",
            "-q",
            "--invalidation-mode",
            "checked-hash",
            PACKAGE,
            "tests",
        ]
        command = [str(self.python), *compiled]
        subprocess.run(command, cwd=self.root, env=self.environment, check=False)
        self.process = self._started()

    @property
    def environment(self) -> dict[str, str]:
        """Return what the tests' processes have in their environment."""
        return {
            "PYTHONPATH": str(self.root), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        }  # fmt: skip

    def _started(self) -> subprocess.Popen[str]:
        rooms = [f"tests/{room}" for room in sorted({*CORE.values()})]
        script = Path(__file__).with_name("forked_tests.py")
        process = subprocess.Popen(
            [str(self.python), "-P", str(script), *rooms], cwd=self.root, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        process.stdout.readline()
        return process

    def noticed(self, tests: Sequence[str], seconds: float) -> str:
        """Say which test fails, or that they take too long; nothing where all pass."""
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: S101, PT018
        self.process.stdin.write(json.dumps({"tests": tests, "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            message = "the process that runs tests has ended; look at what it wrote"
            raise RuntimeError(message)
        return answer.rstrip("\n")


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


def run(checkout: Path, chosen: tuple[int, int, slice], python: Path, out: Path) -> None:
    """Try the sample, and write what lived after each, so that an end loses nothing.

    `chosen` is the size of the sample, its seed, and which of it are tried.
    """
    sample, seed, part = chosen
    kept = out.with_suffix(".jsonl")
    tried = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    before_this = {(each["module"], each["operator"], each["place"]) for each in tried}
    with tempfile.TemporaryDirectory() as folder:
        root = copy_checkout(checkout, Path(folder))
        runner = Runner(root, python)
        reached: dict[str, Reach] = {}
        for mutant in drawn(root, sample, seed)[part]:
            name = mutant.module.relative_to(root).as_posix()
            if (name, mutant.operator, mutant.occurrence) in before_this:
                continue
            room = room_of(mutant.module, root)
            if room not in reached:
                known = out.with_suffix(f".{room}.json")
                reached[room] = record(room, root, python, runner.environment, known)
            before = mutant.module.read_text("utf-8")
            after = mutant.code(before)
            if after is None or after == before or not is_python(after):
                continue
            tests = reached[room].tests(mutant.module, before, after, root)
            seconds = LEAST_SECONDS + TIMES * sum(reached[room].seconds[test] for test in tests)
            mutant.module.write_text(after, "utf-8")
            try:
                noticed_by = runner.noticed(tests, seconds)
            finally:
                mutant.module.write_text(before, "utf-8")
            shown = "" if noticed_by else changed_lines(mutant, before, after, root)
            entry = {"module": name, "operator": mutant.operator, "place": mutant.occurrence}
            tried.append({**entry, "tests": len(tests), "noticed by": noticed_by, "alive": shown})
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
        "--part", default="1/1", metavar="K/N", help="only each N-th, from the K-th: N at a time"
    )
    parser.add_argument("--python", type=Path, default=ROOT / ".venv" / "bin" / "python")
    parser.add_argument("--out", type=Path, default=Path("mutation.md"))
    given = parser.parse_args()
    python = given.python.absolute()
    first, _, step = given.part.partition("/")
    chosen = given.sample, given.seed, slice(int(first) - 1, None, int(step))
    run(given.checkout.absolute(), chosen, python, given.out)


if __name__ == "__main__":
    main()
