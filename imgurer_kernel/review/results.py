"""Results of acts: the journal entry or the reason of a refusal, and what lies beside the file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imgurer_kernel.review.acts import Act
from imgurer_kernel.review.beside import NOTHING, Beside, beside_each
from imgurer_kernel.store.catalog.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class ActResult:
    """The result of one act: its journal entry, or why it was refused; and what lies beside."""

    entry_id: int | None
    refused: str | None = None
    beside: Beside = NOTHING


def with_beside(
    acts: Sequence[Act],
    results: Sequence[ActResult],
    along: Sequence[tuple[JournalEntry, JournalEntry]] | None = None,
) -> list[ActResult]:
    """Add what goes along with each file, or has (the entries of a file and its sidecar)."""
    well = {
        act.source: act.name
        for act, result in zip(acts, results, strict=True)
        if act.is_on_disk and result.refused is None
    }
    found = beside_each(well, are_done=along is not None)
    went: dict[bytes | None, list[str]] = {}
    for of_file, entry in along or ():
        went.setdefault(of_file.source_key, []).append(entry.filename)
    answer = []
    for act, result in zip(acts, results, strict=True):
        beside = NOTHING
        if act.is_on_disk and result.refused is None:
            told = found.get(act.source, NOTHING)
            beside = Beside((*told.along, *went.get(act.source, ())), told.left)
        answer.append(replace(result, beside=beside))
    return answer
