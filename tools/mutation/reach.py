"""Choose the tests of a room that may notice a change of a line: those that come to it."""

import ast
import json
import re
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from tools.mutation.rooms import CORE, own_tests

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Reach:
    """Which tests come to which line of which module, and how long each takes."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    def tests(self, module: Path, before: str, after: str, root: Path) -> list[str]:
        """List the tests that may notice that `before` is now `after`; the module's own come first.

        What is run when a module is imported, a constant or a default, is noticed by the tests of
        all that the module and those that import it do. So is what no test seems to come to: it may
        run in another process.
        """
        name = module.relative_to(root).as_posix()
        inside, changed = statement(before, first_changed_line(before, after))
        at = self.lines.get(name, {})
        found = {test for line in changed for test in at.get(str(line), ())} if inside else set()
        if not found:
            found = {test for each in self._using(name, root) for test in self._tests_of(each)}
        own = [path.relative_to(root).as_posix() for path in own_tests(module, root)]
        rank = {file: place for place, file in enumerate(own)}

        def order(test: str) -> tuple[int, float]:
            return rank.get(test.split("::", maxsplit=1)[0], len(rank)), self.seconds[test]

        return sorted(found, key=order)

    def _tests_of(self, name: str) -> Iterator[str]:
        for tests in self.lines.get(name, {}).values():
            yield from tests

    def _using(self, name: str, root: Path) -> list[str]:
        """List a module and those that import it, by their text."""
        package, _, stem = name.removesuffix(".py").replace("/", ".").rpartition(".")
        importing = re.compile(rf"from {package}(\.{stem} import|\b.* import .*\b{stem}\b)")
        return [
            each
            for each in self.lines
            if each == name or importing.search((root / each).read_text("utf-8"))
        ]


def is_python(source: str) -> bool:
    """Return whether a mutated source can be compiled without a warning.

    Operators also replace the stars of arguments, which leaves no Python, and names are compared by
    `is` with literals, which linters find.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(source, "mutated", "exec")
        except SyntaxError:
            return False
    return True


def room_of(module: Path, root: Path) -> str:
    """Return the room whose tests ought to notice a change of a module."""
    return CORE[module.relative_to(root / "imgurer_kernel").parent.as_posix()]


def record(room: str, root: Path, python: Path, environment: dict[str, str], out: Path) -> Reach:
    """Run the tests and examples of a room once to see what they come to, unless that is known."""
    if not out.exists():
        folders = [f"imgurer_kernel/{folder}" for folder, of in CORE.items() if of == room]
        # A folder inside another one would be collected twice.
        outer = [each for each in folders if not any(f"{it}/" in each for it in folders)]
        subprocess.run(
            [
                *(str(python), "-m", "pytest", "-q", "-p", "no:nbval"),
                *("-p", "no:cacheprovider", "-p", "tools.mutation.reached_lines"),
                *("--reached-lines", str(out.absolute()), f"tests/{room}", *outer),
            ],
            cwd=root, env=environment, check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return Reach(**json.loads(out.read_text("utf-8")))


def first_changed_line(before: str, after: str) -> int:
    """Return the number of the first line that differs."""
    lines = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return next(a for kind, a, *_ in lines.get_opcodes() if kind != "equal") + 1


def statement(source: str, line: int) -> tuple[bool, range]:
    """Return whether a line runs when a function is called, and the lines of its statement."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    around = [node for node in nodes if _first(node) <= line <= (node.end_lineno or line)]
    if not around:  # a comment
        return False, range(line, line + 1)
    inside = any(isinstance(node, Function) and line >= node.body[0].lineno for node in around)
    inner = max(around, key=_first)
    below = [node.lineno for node in ast.walk(inner) if isinstance(node, ast.stmt)]
    end = min(
        [each for each in below if each > inner.lineno], default=(inner.end_lineno or line) + 1
    )
    return inside, range(_first(inner), max(end, line + 1))


def _first(node: ast.stmt) -> int:
    """Return the line where a statement begins, with its decorators."""
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
