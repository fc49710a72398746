"""A report on duplicates: frames, a run card, and export to files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.errors import QueryError, SourceError
from imgurer_kernel.report import html, notebook_view
from imgurer_kernel.report.changes import cluster_changes
from imgurer_kernel.report.cluster_rows import cluster_rows
from imgurer_kernel.report.columns import COLUMNS
from imgurer_kernel.report.frames import CLUSTERS
from imgurer_kernel.report.page_data import FileBeside
from imgurer_kernel.report.page_pictures import Explain, Thumbnail
from imgurer_kernel.report.run_card import RunCard, versions
from imgurer_kernel.report.tables import report_frames
from imgurer_kernel.report.writers import json_of_frames, to_csv, workbook_bytes
from imgurer_kernel.store.catalog.parquet import parquet_bytes

SUFFIXES = (".csv", ".parquet", ".json", ".xlsx", ".html", ".htm")
"""File name suffixes of the formats that a report can be saved in."""

_PAGES = {".html", ".htm"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """The duplicates of a store at one time, as frames.

    The columns and types of all frames are in `imgurer_kernel.report.columns.COLUMNS`. Texts are
    pandas strings; times are in UTC, except those of a camera's clock, which have no zone.

    Attributes
    ----------
    summary
        Figures: what took part, what was found, and what could be freed.
    clusters, files, pairs
        A row for each cluster, for each of its files, and for each picture with the medoid that it
        was compared with, with the evidence.
    related
        Related pairs that are not duplicates.
    skipped
        Files and pictures that took no part, and why.
    by_folder, by_user, by_month, formats, sizes
        Counts by folder, user, month, format and cluster size.
    card
        Provenance: parameters, versions and counts.
    thumbnail
        Function from an image_id to a JPEG; None for a report without pictures.
    explain
        Function from the image_ids of two pictures to a JPEG of the figure that explains the pair;
        None without figures.
    beside
        What lies beside the files and belongs to them, for the plan that the page saves.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster_id": 0, "image_id": [1, 2], "filename": ["a.jpg", "b.jpg"],
    ...                       "digest": ["a", "b"], "is_medoid": [True, False],
    ...                       "is_keeper": [True, False], "distance_to_medoid": [0, 3],
    ...                       "diameter": 3, "score": [1.0, 0.9], "label": ["medoid", "resized"],
    ...                       "width": 9, "height": 9, "bytes": [5, 4]})
    >>> report = Report.of(frame)
    >>> report.clusters[["files", "kinds", "frees_store"]].to_dict("records")
    [{'files': 2, 'kinds': 'resized', 'frees_store': 4}]
    >>> report.diff(report).attrs["same"]
    1
    """

    summary: pd.DataFrame
    clusters: pd.DataFrame
    files: pd.DataFrame
    pairs: pd.DataFrame
    related: pd.DataFrame
    skipped: pd.DataFrame
    by_folder: pd.DataFrame
    by_user: pd.DataFrame
    by_month: pd.DataFrame
    formats: pd.DataFrame
    sizes: pd.DataFrame
    card: RunCard
    thumbnail: Thumbnail | None = field(default=None, repr=False)
    explain: Explain | None = field(default=None, repr=False)
    beside: tuple[FileBeside, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        clusters: pd.DataFrame,
        *,
        files: pd.DataFrame | None = None,
        more: Mapping[str, pd.DataFrame] | None = None,
        counts: Mapping[str, int] | None = None,
        card: RunCard | None = None,
        thumbnail: Thumbnail | None = None,
        explain: Explain | None = None,
        beside: tuple[FileBeside, ...] = (),
    ) -> Self:
        """Make a report from clusters.

        Parameters
        ----------
        clusters, files, more, counts
            As for `imgurer_kernel.report.tables.report_frames`; a frame of `Workbench.clusters`
            is enough.
        card
            How they were found; the counts are added from `summary`.

        Raises
        ------
        QueryError
            As raised by `imgurer_kernel.report.cluster_rows.cluster_rows`.
        """
        clusters = cluster_rows(clusters, CLUSTERS)
        frames = report_frames(clusters, files, more, counts)
        if card is None:
            plan = str(clusters.attrs.get("plan", ""))
            card = RunCard(made_at=datetime.now(UTC), versions=versions(), plan=plan)
        return cls(**frames, card=card, thumbnail=thumbnail, explain=explain, beside=beside)

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """All frames by name, in the order of `COLUMNS`."""
        return {name: getattr(self, name) for name in COLUMNS}

    def figure(self, name: str) -> int:
        """Return a figure of `summary`, by its name."""
        values = self.summary.set_index("figure")["value"]
        return int(values[name])

    def save(
        self,
        path: str | Path,
        *,
        frame: str = "files",
        clusters: int | None = None,
        explain: int = 0,
        progress: ProgressOption = True,
    ) -> Path:
        """Write the report to a file of the format of its suffix; the file appears when complete.

        ``.csv`` and ``.parquet`` hold one frame. In CSV no text is a formula to a spreadsheet
        (`imgurer_kernel.report.writers.read_csv` undoes the escapes). ``.json`` and ``.xlsx`` hold
        all frames, the former also the run card, the latter one sheet per frame. ``.html`` is one
        page that needs no network and no server; it stays below 60 MB, and lists the pictures that
        it leaves out for that.

        Parameters
        ----------
        frame
            The frame to write to CSV or Parquet.
        clusters
            Most clusters in HTML, those with most files first; None for all.
        explain
            Number of pairs for which HTML has the figure of `Workbench.explain`, lowest scores
            first: some 50 KB and half a second each. For every pair the page can overlay the
            thumbnails.
        progress
            Progress of these figures, as in `imgurer_kernel.Workbench.clusters`.

        Raises
        ------
        SourceError
            If the path is invalid, or the suffix is unknown.
        QueryError
            If the frame is unknown.
        ImgurerError
            If openpyxl is missing for ``.xlsx``, or a sheet would be too long.
        StorageDenied, StorageFull
            If the file cannot be written.
        """
        target = given_path(path, "the file of the report")
        kind = target.suffix.lower()
        if kind not in SUFFIXES:
            message = (
                f"{target.name!r} ends in {kind or 'nothing'!r}; "
                "name a .csv, .parquet, .json, .xlsx or .html file"
            )
            raise SourceError(message)
        if frame not in COLUMNS:
            message = f"there is no frame {frame!r}; it must be one of {', '.join(COLUMNS)}"
            raise QueryError(message)
        parts: Iterable[bytes]
        if kind in _PAGES:
            parts = map(_utf8, html.page(self, clusters, explain, progress))
        else:
            parts = [self._as_file(kind, frame)]
        with atomic_write(target) as file:
            for part in parts:
                file.write(part)
        return target

    def _as_file(self, kind: str, frame: str) -> bytes:
        if kind == ".csv":
            # Excel reads CSV as UTF-8 only with a byte order mark.
            return _utf8("\ufeff" + to_csv(self.frames[frame]))
        if kind == ".parquet":
            return parquet_bytes(self.frames[frame])
        if kind == ".json":
            return _utf8(json_of_frames(self.frames, self.card.as_dict()))
        return workbook_bytes({**self.frames, "card": self.card.frame()}, self.card.made_at)

    def diff(self, before: "Report") -> pd.DataFrame:
        """Compare the clusters with those of an earlier report.

        Returns
        -------
        DataFrame
            New, solved and changed clusters; see
            `imgurer_kernel.report.changes.cluster_changes`.
        """
        return cluster_changes(self.files, before.files)

    def __repr__(self) -> str:
        return (
            f"Report({len(self.clusters):,} clusters, {len(self.files):,} files, "
            f"{self.card.made_at:%Y-%m-%d %H:%M})"
        )

    def _repr_html_(self) -> str:
        return notebook_view.report_html(self)


def _utf8(text: str) -> bytes:
    # UTF-8 cannot encode half of a surrogate pair in a name: it is written as an escape, since a
    # name must not make a report fail.
    return text.encode("utf-8", "backslashreplace")
