"""Make the texts of a review: clusters and files as shown on the board."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from imgurer_kernel.common.text import bits, count, human_bytes, join_words
from imgurer_kernel.review.plan import goes, is_other_name
from imgurer_kernel.ui.models.captions import Row, alt_text, differences, make_tile, size_text
from imgurer_kernel.ui.models.review_steps import Preview
from imgurer_kernel.ui.models.review_summary import KIND_OF, KINDS
from imgurer_kernel.ui.session import row_dicts
from imgurer_kernel.ui.widgets.review_board import ReviewCluster, ReviewFile

MAX_FILES = 24
"""Most files of a cluster that are drawn; the rest is counted."""
_MOST_REASONS = 5  # listed reasons for refusals: there may be thousands, each with a path


def review_cluster(members: pd.DataFrame, thumbnails: Mapping[int, bytes]) -> ReviewCluster:
    """Make the record of one cluster for the board.

    Parameters
    ----------
    members
        Its files, the keeper first, as from `imgurer_kernel.ui.models.review_queue.ReviewQueue`.
    thumbnails
        By image_id.
    """
    rows = row_dicts(members)
    leaves = goes(members).to_numpy(bool) & members["is_own"].to_numpy(bool)
    is_name = is_other_name(members).tolist()
    keeper = rows[0]
    freed = members.loc[leaves]
    disk, store = int(freed["frees_disk"].sum()), int(freed["frees_store"].sum())
    places = [(disk, "on disk"), (store, "in the store")]
    frees = [f"frees {human_bytes(size)} {place}" for size, place in places if size]
    labels = {str(row["label"]) for row in rows[1:]}
    kinds = [each for kind in KINDS for each in sorted(labels) if KIND_OF.get(each, each) == kind]
    files = tuple(
        _file(
            row,
            thumbnails.get(int(row["image_id"]), b""),
            keeper=keeper,
            leaves=bool(leaves[place]),
            is_name=is_name[place],
        )
        for place, row in enumerate(rows[:MAX_FILES])
    )
    return ReviewCluster(
        cluster_id=int(keeper["cluster_id"]),
        title=count(len(rows), "file"),
        facts=" · ".join(filter(None, (join_words(kinds), *(frees or ["frees nothing"])))),
        files=files,
        removes=int(leaves.sum()),
        more=max(len(rows) - MAX_FILES, 0),
        note=_note(rows),
        same_bytes=members["image_id"].nunique() == 1,
    )


def preview_texts(preview: Preview) -> dict[str, Any]:
    """Make the texts of the question before many files are removed."""
    files = len(preview.plan)
    reasons = Counter(preview.refused.values()).most_common()
    refused = [f"{count(n, 'file')}: {why}" for why, n in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        refused.append(f"{sum(n for _, n in reasons[_MOST_REASONS:]):,} more")
    facts = [*preview.facts, *([("Left alone", "; ".join(refused))] if refused else [])]
    return {
        "title": f"Remove {count(files, 'file')}?" if files else "Nothing to remove",
        "about": f"Of {count(len(preview.clusters), 'cluster')}" if files else "",
        "facts": [list(fact) for fact in facts],
        "files": files,
        "confirm": f"Remove {count(files, 'file')}",
        "note": (
            "Just before a file goes, its bytes are compared with those that were ingested. "
            "All of it can be undone until the trash is emptied."
            if files
            else ""
        ),
    }


def _file(row: Row, thumbnail: bytes, *, keeper: Row, leaves: bool, is_name: bool) -> ReviewFile:
    is_keeper = row is keeper
    fate, text = _fate(row, is_keeper=is_keeper, leaves=leaves, is_name=is_name)
    tile = make_tile(row, thumbnail)
    differs = "" if is_keeper else join_words(differences(row, keeper)) or "looks the same"
    new = "new since you decided" if row["new_since_decision"] else ""
    distance = int(row["distance_to_medoid"])
    agreement = 100 * float(row["score"])
    found = (
        "all others were compared with this one"
        if row["is_medoid"]
        else f"{row['medoid_label']}, {bits(distance)} of 128, {agreement:.0f} % agreement"
    )
    reason = str(row["keeper_reason"])
    return ReviewFile(
        file_id=int(row["file_id"]),
        image_id=int(row["image_id"]),
        name=tile.name,
        folder=tile.folder,
        no_folder="uploaded" if row["is_own"] else "someone else's",
        path=tile.path,
        detail=size_text(row),
        reason=reason[:1].upper() + reason[1:],
        differs=", ".join(filter(None, (new, differs))),
        fate=fate,
        fate_text=text,
        alt=alt_text(row, f"in {tile.folder}" if tile.folder else ""),
        found=found,
        thumbnail=thumbnail,
    )


def _fate(row: Row, *, is_keeper: bool, leaves: bool, is_name: bool) -> tuple[str, str]:
    if row["state"] != "present":
        return "missing", str(row["state"]).capitalize()
    if is_keeper:
        return "keep", "Keep"
    stays = {
        "Reference": row["is_reference"],
        "A link": is_name and row["is_link"],
        "The same file": is_name,
        "Someone else's": not row["is_own"],
    }
    if any(stays.values()):
        return "stay", f"{next(what for what, applies in stays.items() if applies)}, stays"
    if leaves and not row["frees_disk"] and not row["frees_store"]:
        return "remove", "Remove, frees nothing"
    return "remove", "Remove"


def _note(rows: list[dict[str, Any]]) -> str:
    if any(row["disputed"] for row in rows):
        return f"Disputed: {rows[0]['decided_by']} do not agree about these."
    if rows[0]["verdict"] == "later":
        return "Put off for later."
    if any(row["new_since_decision"] for row in rows):
        return "This was decided before; it has gained what is marked new."
    return ""
