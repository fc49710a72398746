"""Make imports of an optional package fail, so that packages which use it load faster.

jsonschema, which Jupyter's server imports, uses `rfc3987_syntax` if it is installed, and that
package builds some forty grammars of international addresses on import: 3.5 s of the 6.9 s that
importing Voila takes on two busy cores. Without it jsonschema lacks one check of a string format
that no schema of this server uses.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _RefusingFinder(MetaPathFinder):
    """Refuses to import some names; it comes before all other finders."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse the names; leave others to the next finder."""
        del path, target
        if fullname in self._names:
            message = f"{fullname} is left out to start quickly"
            raise ModuleNotFoundError(message, name=fullname)
        return None


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Make imports of some packages fail within the block.

    For optional packages only, which the importing package can do without. A loaded package stays
    loaded.
    """
    finder = _RefusingFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
