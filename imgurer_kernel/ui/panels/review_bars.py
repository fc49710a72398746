"""The content of the bars of a review, made from its model."""

from collections.abc import Mapping, Sequence
from typing import Any

from imgurer_kernel.common.text import count, elide_path, human_bytes
from imgurer_kernel.ui.models.review import ReviewModel
from imgurer_kernel.ui.models.review_listing import PAGE_SIZES
from imgurer_kernel.ui.models.review_queue import ORDERS, SHOWN, QueueFilter
from imgurer_kernel.ui.models.review_steps import WORDS
from imgurer_kernel.ui.models.review_summary import KINDS

_SIZES = {0: "Any size", 100_000: "100 kB to free", 1_000_000: "1 MB", 10_000_000: "10 MB"}
_MAX_CHOICES = 200


def bars_of(model: ReviewModel) -> dict[str, Any]:
    """Collect the content of the bars: progress, filters, order, pages, bytes to remove."""
    queue = model.queue
    progress = model.progress
    kinds = model.kinds
    left = [each for each in model.listed if each not in model.done]
    rows = None if queue is None else queue.clusters.loc[left]
    removes = 0 if rows is None else int(rows["goes"].sum())
    frees = 0 if rows is None else int(rows["frees"].sum())
    first = model.page * model.page_size
    pages = max(-(-len(model.listed) // model.page_size), 1)
    last = min(first + model.page_size, len(model.listed))
    place = f"{first + 1:,} to {last:,} of {count(len(model.listed), 'cluster')}"
    return {
        "known": queue is not None and not model.session.ingesting,
        "nothing": queue is not None and queue.clusters.empty,
        "progress": {
            "done": f"{progress.done:,}",
            "total": count(progress.total, "cluster"),
            "removed": _asides(model),
        },
        "share": 100 * progress.done / progress.total if progress.total else 0,
        "stale": model.stale,
        "message": _message(model),
        "orders": _pairs(ORDERS),
        "order": model.order,
        "shows": _pairs(SHOWN),
        "show": model.wanted.show,
        "kinds": [
            {
                "key": key,
                "label": label,
                "count": kinds.get(key, 0),
                "pressed": key in model.wanted.kinds,
            }
            for key, label in KINDS.items()
            if key in kinds or key in model.wanted.kinds
        ],
        **_choices(model),
        "text": model.wanted.text,
        "filtered": model.wanted != QueueFilter(),
        "page": model.page,
        "pages": pages,
        "page_sizes": [[str(size), f"{size} on a page"] for size in PAGE_SIZES],
        "page_size": str(model.page_size),
        "place": place if model.listed else "",
        "removes": removes,
        "everything": (
            f"Everything shown: {count(len(left), 'cluster')}, "
            f"{count(removes, 'file')} to remove, {human_bytes(frees)}"
            if removes
            else ""
        ),
    }


def _asides(model: ReviewModel) -> str:
    """Say what is neither decided nor to be decided now, and what was removed."""
    removed, clusters = (
        model.progress.removed,
        None if model.queue is None else model.queue.clusters,
    )
    later = 0
    if clusters is not None:
        put_off = (clusters["verdict"] == "later") & ~clusters["disputed"].astype(bool)
        now = [key for key, done in model.done.items() if done.text == WORDS["later"]]
        # What was decided in this sitting is as it was read until it is sorted again.
        done = clusters.index.isin(list(model.done))
        later = int((put_off & ~done).sum()) + len(now)
    parts = [f"{later:,} put off"] if later else []
    return " · ".join([*parts, f"{human_bytes(removed)} removed"] if removed else parts)


def _message(model: ReviewModel) -> str:
    stale = "The store has changed since. Sort again to see how it is now." if model.stale else ""
    return f"{model.message} {stale}".strip()


def _choices(model: ReviewModel) -> dict[str, Any]:
    """List the choices of the filters, from the clusters as read."""
    queue, wanted = model.queue, model.wanted
    found = {} if queue is None else queue.choices
    folders, users, cameras = (found.get(name, ()) for name in ("folders", "users", "cameras"))
    # What is chosen is always among them: an address may name what is gone by now.
    years = sorted({*found.get("years", ()), wanted.since} - {0})
    sizes = {**_SIZES, wanted.least_bytes: human_bytes(wanted.least_bytes)} | _SIZES
    return {
        "folders": _listed("Every folder", folders, wanted.folder),
        "folder": wanted.folder,
        "users": _listed("Everybody", users, wanted.user),
        "user": wanted.user,
        "cameras": _listed("Any camera", cameras, wanted.camera),
        "camera": wanted.camera,
        "years": [["0", "Any year"], *([str(year), f"From {year}"] for year in years)],
        "since": str(wanted.since),
        "sizes": [[str(size), text] for size, text in sorted(sizes.items())],
        "least_bytes": str(wanted.least_bytes),
    }


def _listed(anything: str, values: Sequence[str], chosen: str) -> list[list[str | None]]:
    """List what can be chosen: no filter first; None for what only tells that there is more."""
    shown = list(values[:_MAX_CHOICES])
    left = len(values) - len(shown)
    if chosen and chosen not in shown:
        shown.insert(0, chosen)
    choices: list[list[str | None]] = [["", anything]]
    choices += [[each, elide_path(each, 40)] for each in shown]
    return [*choices, [None, f"{left:,} more: type a part of the name"]] if left else choices


def _pairs(texts: Mapping[str, str]) -> list[list[str]]:
    return [[key, text] for key, text in texts.items()]
