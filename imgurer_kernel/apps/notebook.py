"""What ``%load_ext imgurer_kernel`` adds to a notebook: the line magic ``%duplicates``."""

import shlex
from typing import Any

import pandas as pd
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import MagicArgumentParser

from imgurer_kernel.apps.cli.command import size
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.workbench.find import find_duplicates


def _parser() -> MagicArgumentParser:
    make: Any = MagicArgumentParser  # IPython has no types for it
    parser: MagicArgumentParser = make("%duplicates", description="Find duplicates in folders.")
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--between", action="store_true")
    parser.add_argument("--reference", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB")
    parser.add_argument("--min-size", type=size, default=0, metavar="BYTES")
    parser.add_argument("--quiet", action="store_true")
    return parser


@magics_class
class DuplicateMagics(Magics):
    """The magics of this package."""

    @line_magic
    def duplicates(self, line: str) -> pd.DataFrame:
        """Find duplicates in folders; nothing is copied, moved or changed.

        ``%duplicates FOLDER [FOLDER ...] [--between] [--reference FOLDER] [--exclude GLOB]
        [--min-size 50k] [--quiet]``, as in `imgurer_kernel.find_duplicates`. It returns the frame:
        ``found = %duplicates ~/Pictures`` keeps it.
        """
        try:
            given: Any = _parser().parse_args(shlex.split(line))
            return find_duplicates(
                *given.folders,
                between=given.between,
                reference=given.reference,
                exclude=given.exclude,
                min_size=given.min_size,
                progress=not given.quiet,
            )
        except (ImgurerError, ValueError) as error:  # ValueError: an unclosed quote
            raise UsageError(str(error)) from error


def load(shell: InteractiveShell) -> None:
    """Add the magics to a shell."""
    shell.register_magics(DuplicateMagics)
