"""Look several pictures up in the store: a table, filled as they arrive."""

import threading
from dataclasses import dataclass
from typing import Any

import pandas as pd
from traitlets import HasTraits, Int

from imgurer_kernel.common.text import count, elide
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.ui.models.captions import orientation_text, verdict_text
from imgurer_kernel.ui.models.provenance import provenance
from imgurer_kernel.ui.models.search_history import SearchQuery, query_from_file
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.shown_error import shown_error
from imgurer_kernel.ui.theme.theme import Meaning
from imgurer_kernel.ui.widgets.picture_rows import PictureRow
from imgurer_kernel.workbench.pictures.batch import answer_of, lookup_frame

STATUSES: dict[str, tuple[str, str, Meaning]] = {
    "exact": ("already here", "already here", "attention"),
    "near duplicate": ("near copy", "near copies", "attention"),
    "new": ("new", "new", "done"),
    "rejected": ("cannot be read", "cannot be read", "failed"),
}
"""Status of `Workbench.lookup` to its singular and plural words, and its meaning."""

MAX_QUERIES = 5_000
"""Most pictures that a click can search for again: some 20 kB of memory each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """One picture and the result of looking it up.

    Attributes
    ----------
    name
        File name.
    answer
        As from `imgurer_kernel.workbench.pictures.batch.answer_of`.
    query
        Query to search for it again; None if it cannot be read, or beyond `MAX_QUERIES`.
    holders
        Owners of the duplicate found.
    """

    name: str
    answer: dict[str, Any]
    query: SearchQuery | None = None
    holders: str = ""

    @property
    def text(self) -> str:
        """The verdict in words."""
        answer = self.answer
        if answer["status"] == "rejected":
            return f"Cannot be read: {answer['reason']}"
        if answer["status"] == "new":
            return "New: nothing here is the same picture"
        if answer["status"] == "exact":
            return "Already here: the same file, byte for byte"
        like = verdict_text(str(answer["verdict"])).removeprefix("near duplicate, ")
        turned = orientation_text(str(answer["orientation"]))
        words = ", ".join(filter(None, (like, turned, f"{answer['distance']} of 128 bits")))
        return f"Near copy of {elide(str(answer['filename']))}: {words}"


class LookupModel(HasTraits):
    """The pictures that were dropped together.

    Traits
    ------
    version
        Increases with each picture looked up, and when the table is cleared.

    Notes
    -----
    `judge` runs in threads; everything else on the event loop.
    """

    version = Int()

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self.found: list[LookupResult] = []
        self._queries = 0
        self._lock = threading.Lock()

    def judge(self, name: str, data: bytes) -> LookupResult:
        """Look one picture up, without setting traits."""
        with self._lock:
            self._queries += 1
            number = self._queries
        try:
            query = query_from_file(f"t{number}", name, data, self.session.workbench.store)
        except ImageRejected as error:
            answer = {"status": "rejected", "reason": shown_error(error)}
            return LookupResult(name=name, answer=answer)
        answer = answer_of(self.session.workbench.similar(query.picture))
        holders = ""
        if "image_id" in answer:
            holders = provenance(self.session, int(answer["image_id"]))
        kept = query if number <= MAX_QUERIES else None
        return LookupResult(name=name, answer=answer, query=kept, holders=holders)

    def add(self, found: LookupResult) -> None:
        """Add a result to the table."""
        self.found.append(found)
        self.version += 1

    def clear(self) -> None:
        """Empty the table."""
        self.found = []
        self._queries = 0
        self.version += 1

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a frame, as from `Workbench.lookup`."""
        rows = [
            {"query": number, "name": each.name, **each.answer}
            for number, each in enumerate(self.found)
        ]
        return lookup_frame(rows)

    @property
    def totals(self) -> list[tuple[str, str]]:
        """List each status with its total, such as ``("new", "3 new")``."""
        statuses = [each.answer["status"] for each in self.found]
        return [
            (status, count(statuses.count(status), one, many))
            for status, (one, many, _) in STATUSES.items()
            if status in statuses
        ]

    def rows(self) -> list[PictureRow]:
        """Make the rows of the table for `PictureRows`."""
        return [_row(number, each) for number, each in enumerate(self.found)]


def _row(number: int, found: LookupResult) -> PictureRow:
    answer, query = found.answer, found.query
    match = int(answer.get("image_id", -1))
    name = elide(str(answer["filename"])) if match >= 0 else ""
    # For an exact duplicate the stored image provides the thumbnail, and the search by id.
    stored = match if answer["status"] == "exact" else -1
    return PictureRow(
        key=number,
        name=found.name,
        status=answer["status"],
        meaning=STATUSES[answer["status"]][2],
        text=found.text,
        thumbnail=query.thumbnail if query is not None else b"",
        image_id=stored,
        opens=query is not None or stored >= 0,
        match_id=match,
        match_text=", ".join(filter(None, (name, found.holders))),
    )
