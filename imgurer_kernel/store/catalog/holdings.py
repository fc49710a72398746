"""Who brought what, from where: what new arrivals do to the holdings that there are (pure)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from imgurer_kernel.common.records import Arrival

Key: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Holding:
    """One user's copy of an image from one source.

    Attributes
    ----------
    filename, bytes, modified_ns
        As in `Arrival`.
    brought_at
        When it was first brought, in UTC.
    replaced_at
        Since when the source holds other bytes, in UTC; None while it holds these.
    """

    filename: str
    bytes: int
    modified_ns: int
    brought_at: datetime
    replaced_at: datetime | None


def merge(
    existing: Mapping[Key, Holding], arrivals: Iterable[tuple[Arrival, int]], moment: datetime
) -> dict[Key, Holding]:
    """The holdings that are new or changed once the arrivals are in.

    A source that arrives with other bytes than before replaces what it held: the earlier
    holding stays, marked with the time, for the earlier image is not to be lost. Uploads, which
    have no modification time, neither replace nor are replaced: another upload of the same name
    is another file, not the same one changed.

    Parameters
    ----------
    existing
        Holdings of the same users and sources, by user, source and image_id.
    arrivals
        With the image_id of each, in their order.
    """
    holdings = dict(existing)
    places: dict[tuple[str, str], set[int]] = defaultdict(set)
    for user, source, image_id in existing:
        places[user, source].add(image_id)
    for arrival, image_id in arrivals:
        place = (arrival.user, arrival.source)
        # An upload (no modification time) is never a later state of the same file.
        for other in places[place] - {image_id} if arrival.modified_ns else ():
            earlier = holdings[(*place, other)]
            if earlier.modified_ns and earlier.replaced_at is None:
                holdings[(*place, other)] = replace(earlier, replaced_at=moment)
        before = holdings.get((*place, image_id))
        holdings[(*place, image_id)] = Holding(
            filename=arrival.filename,
            bytes=arrival.bytes,
            modified_ns=arrival.modified_ns,
            brought_at=before.brought_at if before else moment,
            replaced_at=None,
        )
        places[place].add(image_id)
    changed = {}
    for key, holding in holdings.items():
        before = existing.get(key)
        # Replaced before and replaced still: the time of the first replacement stays.
        if before and before.replaced_at and holding.replaced_at:
            holding = replace(holding, replaced_at=before.replaced_at)  # noqa: PLW2901
        if holding != before:
            changed[key] = holding
    return changed
