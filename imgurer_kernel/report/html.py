"""Write a report as one self-contained HTML page: no server, no font, no network.

The page is ``templates/report.html.j2``, in which jinja2 escapes all values. Files, clusters and
pictures are JSON, which the scripts in ``templates`` display, a hundred clusters at a time; they
set names as text and never as markup.
"""

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.common.text import count, moment
from imgurer_kernel.report.page_data import (
    PART,
    as_script,
    figures,
    page_data,
    picture_numbers,
    shown_files,
)
from imgurer_kernel.report.page_pictures import (
    MAX_BYTES,
    PagePictures,
    figures_of,
    picture_order,
)

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Template

    from imgurer_kernel.report.report import Report


def page(
    report: "Report",
    clusters: int | None = None,
    explain: int = 0,
    progress: ProgressOption = False,
) -> Iterator[str]:
    """Generate the page in parts; its pictures, at most 38 MB, are in memory at once.

    Parameters
    ----------
    report
        The report to show.
    clusters
        Most clusters to show, those with most files first; None for all.
    explain
        Number of pairs explained by a figure, lowest scores first.
    progress
        Called for each of these figures.
    """
    number, data = _fitting(report, clusters)
    files = shown_files(report, number)
    shown_pairs = report.pairs[report.pairs["cluster_id"].isin(files["cluster_id"])]
    explained = figures_of(report.explain, shown_pairs, explain, progress)
    spent = len(data) + sum(map(len, explained.values()))
    pictures = PagePictures(report.thumbnail, min(MAX_BYTES, MAX_PAGE - spent))
    jpegs = pictures.read(picture_order(files))
    # In the order of the clusters, so that pictures shown together are decoded together.
    shown = [jpeg for image in files["image_id"].unique().tolist() if (jpeg := jpegs.get(image))]
    parts = [as_script(shown[k : k + PART]) for k in range(0, len(shown), PART)]
    script, style = _script(), _asset("report.css")
    return _template().generate(
        figures=figures(report),
        made=moment(report.card.made_at.replace(tzinfo=None)),
        card=report.card.frame().to_dict("records"),
        skipped=report.skipped.head(_MOST_SKIPPED).to_dict("records"),
        skipped_total=len(report.skipped),
        for_cost=report.card.for_cost,
        total=len(report.clusters),
        shown=number,
        data=data,
        numbers=as_script(picture_numbers(files["image_id"], jpegs)),
        explained=as_script(_by_row(files, explained)),
        # The script runs once the pictures of the first clusters are loaded; the others follow.
        first_pictures=parts[:_FIRST_PARTS],
        other_pictures=parts[_FIRST_PARTS:],
        notes=[*pictures.words, *_words(len(explained), len(shown_pairs), explain)],
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=style,
    )


def _by_row(files: "pd.DataFrame", explained: dict[tuple[int, int], str]) -> dict[int, str]:
    """Map row numbers of files to the figures that explain their pictures."""
    keys = zip(files["cluster_id"].tolist(), files["image_id"].tolist(), strict=True)
    return {row: explained[key] for row, key in enumerate(keys) if key in explained}


def _words(figures: int, pairs: int, explain: int) -> list[str]:
    if not explain or not pairs:
        return []
    if figures == pairs:
        return [f"{count(pairs, 'pair')} explained by a figure: press compare."]
    words = (
        f"{figures:,} of {count(pairs, 'pair')}, those that are least alike, are explained by a "
        "figure; for the others compare overlays the thumbnails."
    )
    return [words]


def _fitting(report: "Report", clusters: int | None) -> tuple[int, str]:
    """Choose how many clusters fit a page; return the number and their data."""
    files = report.clusters["files"].cumsum()
    number = min(len(files) if clusters is None else clusters, int((files <= _MOST_FILES).sum()))
    # A cluster larger than a page is shown nevertheless, as far as it fits.
    number = max(number, min(1, len(files)))
    while True:
        data = as_script(page_data(report, number))
        # Show fewer if names are very long.
        if len(data) <= _MOST_DATA or number <= 1:
            return number, data
        number //= 2


MAX_PAGE = 59_000_000
"""Maximum bytes of a page's data, without its frame."""

_MOST_FILES = 200_000
_MOST_DATA = 40_000_000
_FIRST_PARTS = 5
_SCRIPTS = ("data", "plan", "clusters", "compare", "controls")
_MOST_SKIPPED = 1000
"""Most files without a part in the search that are listed in a page."""


@cache
def _asset(name: str) -> str:
    folder = resources.files("imgurer_kernel.report").joinpath("templates")
    return folder.joinpath(name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    """Join the scripts into one function: each uses names of those before it."""
    body = "".join(_asset(f"report_{part}.js") for part in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{body}}})();\n'


@cache
def _template() -> "Template":
    # Imported at first use: it would delay the start of the dashboard.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("imgurer_kernel.report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    return environment.get_template("report.html.j2")


def plain(text: object) -> str:
    r"""Replace line breaks and invisible characters, which could change the layout of a page.

    Examples
    --------
    >>> plain("holiday\u202egpj.exe") == "holiday\ufffdgpj.exe"
    True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
