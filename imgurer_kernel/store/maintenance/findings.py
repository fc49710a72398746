"""Findings of a check, and its state, to resume an interrupted one."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.errors import StorageError

COLUMNS = ["problem", "digest", "image_id", "detail", "repaired"]
_STATE = "check.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem of the store, and whether it was repaired.

    Attributes
    ----------
    problem
        ``damaged catalog``; a contradiction between its tables, such as ``wrong counter``
        (`imgurer_kernel.store.catalog.integrity`); ``missing original``, ``damaged original``,
        ``wrong size``, ``missing thumbnail``, ``damaged thumbnail``, ``stale fingerprint`` (of an
        earlier version of this package, or incomplete), ``orphan original`` (stored but in no
        catalog row, after a crash between the two), ``orphan thumbnail``, ``unfinished forget``
        (its row is in the trash, and its bytes are not, after a crash between the two),
        ``damaged original in the trash`` (it cannot be restored), or ``stray file``.
    """

    problem: str
    digest: str = ""
    image_id: int | None = None
    detail: str
    repaired: bool = False


def findings_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Make a frame of findings."""
    rows = [[getattr(finding, name) for name in COLUMNS] for finding in findings]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({"image_id": "Int64", "repaired": "bool"})


@dataclass(slots=True)
class CheckState:
    """The progress of a check.

    Attributes
    ----------
    generation
        Generation of the catalog when the check began; newer images are checked again.
    after
        The digest of the last original that was read; empty if no check is in progress.
    findings
        The findings so far.
    sampled_to
        The last digest of the last sample.
    """

    generation: int = 0
    after: str = ""
    findings: list[Finding] = field(default_factory=list)
    sampled_to: str = ""

    @classmethod
    def load(cls, root: Path) -> "CheckState":
        """Load the state of a store; an empty one if none can be read."""
        try:
            content: dict[str, Any] = json.loads((root / _STATE).read_bytes())
            found = [Finding(**each) for each in content["findings"]]
            return cls(
                int(content["generation"]),
                str(content["after"]),
                found,
                str(content["sampled_to"]),
            )
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return cls()

    def save(self, root: Path) -> None:
        """Save the state beside the store, unless that cannot be written."""
        with suppress(StorageError), atomic_write(root / _STATE) as file:
            file.write(json.dumps(asdict(self)).encode())
