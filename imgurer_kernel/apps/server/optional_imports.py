"""Make imports of an optional package fail while others are imported, to start faster.

jsonschema, which Jupyter's server imports, uses `rfc3987_syntax` where it is installed, and that
package builds some forty grammars of international addresses when it is imported: 3.5 s of the
6.9 s that importing Voila takes on two busy cores. jsonschema works without it, less one check of
a string format that no schema of this server asks for.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _RefusingFinder(MetaPathFinder):
    """Refuses to import some names, before any other finder is asked."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse the names; leave all others to the next finder."""
        del path, target
        if fullname in self._names:
            message = f"{fullname} is left out to start quickly"
            raise ModuleNotFoundError(message, name=fullname)
        return None


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Let imports of some packages fail within the block; afterwards they work again.

    For optional packages only, which the importing package does without. One that is loaded
    already stays.
    """
    finder = _RefusingFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
