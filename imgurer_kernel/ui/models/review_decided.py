"""The decisions of a sitting as a frame."""

from collections.abc import Mapping

import pandas as pd

from imgurer_kernel.ui.models.review_listing import Done
from imgurer_kernel.ui.models.review_queue import ReviewQueue


def decided_frame(queue: ReviewQueue | None, done: Mapping[int, Done]) -> pd.DataFrame:
    """Make a frame of the files of decided clusters, in the order of the decisions.

    Parameters
    ----------
    queue
        The queue; None before it is read.
    done
        Results by cluster_id.

    Returns
    -------
    DataFrame
        The rows of the queue's files, and decided (in words). Pending clusters are left out, and
        those that stay open since some of their files were refused.
    """
    settled = {key: each for key, each in done.items() if not each.pending}
    nothing = pd.DataFrame({"cluster_id": pd.Series(dtype="int64")})
    files = nothing if queue is None else queue.files
    rows = files[files["cluster_id"].isin(list(settled))]
    places = {key: place for place, key in enumerate(settled)}
    rows = rows.iloc[rows["cluster_id"].map(places).argsort(kind="stable")]
    rows = rows.reset_index(drop=True)
    texts = [settled[int(key)].text for key in rows["cluster_id"]]
    return rows.assign(decided=pd.Series(texts, index=rows.index, dtype="str"))
