from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.report import Report
from imgurer_kernel.report.figures import (
    comparison_figure,
    contact_sheet,
    dhash_figure,
    plot_cluster_sizes,
    plot_distances,
    plot_freed,
    plot_kinds,
    plot_nearest,
    plot_times,
)
from tests.support.forms import pairs, thinned
from tests.support.pictures import jpeg
from tests.support.reports import two_clusters, with_facts


def shown(figure):
    """The figure's axes that can be seen; that it can be drawn is checked on the way."""
    assert figure._repr_jpeg_().startswith(b"\xff\xd8")
    return [axis for axis in figure.axes if axis.get_visible()]


def test_a_dhash_is_shown_as_grays_and_two_planes():
    found = fingerprint(jpeg(0))
    _, grays, rows, columns = shown(dhash_figure(found, "a title"))
    assert np.array_equal(
        grays.images[0].get_array(), np.frombuffer(found.grays, np.uint8).reshape(9, 9)
    )
    assert int(rows.images[0].get_array().sum()) == found.dhash[0].bit_count()
    assert int(columns.images[0].get_array().sum()) == found.dhash[1].bit_count()


@pytest.mark.long
def test_a_comparison_counts_the_bits_that_differ():
    first, second = fingerprint(jpeg(0)), fingerprint(jpeg(1))
    figure = comparison_figure(first, second)
    distance = sum((a ^ b).bit_count() for a, b in zip(first.dhash, second.dhash, strict=True))
    assert figure.get_suptitle() == f"distance: {distance} of 128 bits"
    axes = shown(figure)
    assert sum(int(axis.images[0].get_array().sum()) for axis in axes[-2:]) == distance


def test_a_contact_sheet_has_a_place_for_each_picture():
    thumbnail = fingerprint(jpeg(0)).thumbnail
    axes = shown(contact_sheet([thumbnail] * 4, ["a", "$b$", "c", "d"], columns=3))
    assert [axis.get_xlabel() for axis in axes] == ["a", r"\$b\$", "c", "d"]


NAMES = ["one\udcff.jpg", "$a$\x00\x1b[31m.jpg", "\u202egpj.exe", "שלום <b>.jpg", "東" * 200]


@pytest.mark.parametrize("name", thinned(NAMES, 2), ids=ascii)
def test_any_file_name_can_be_a_caption(name):
    found = fingerprint(jpeg(0))
    shown(contact_sheet([found.thumbnail], [f"{name}\nkept"], title=name))
    shown(comparison_figure(found, found, (name, name)))
    folders = pd.DataFrame({"folder": [f"/a/{name}", "/b"], "frees_disk": [5, 3], "frees_store": 0})
    shown(plot_freed(folders))


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_captions_are_as_wide_as_their_column():
    found = fingerprint(jpeg(0))
    names = ["PXL_20240812_143102-compressed.jpg", "W" * 60, "東" * 60, "i.jpg"]
    figure = contact_sheet([found.thumbnail] * 4, names)
    axes = shown(figure)
    boxes = [axis.xaxis.label.get_window_extent() for axis in axes]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    assert axes[0].get_xlabel().endswith("pressed.jpg")
    assert axes[3].get_xlabel() == "i.jpg"


def test_distances_leave_the_medoids_out():
    frame = pd.DataFrame(
        {"is_medoid": [True, False, False, True, False], "distance_to_medoid": [0, 2, 2, 0, 5]}
    )
    [axis] = shown(plot_distances(frame))
    heights = [bar.get_height() for bar in axis.patches]
    assert heights[2] == 2
    assert heights[5] == 1
    assert sum(heights) == 3
    assert len(shown(plot_distances(frame.iloc[:0]))) == 1


@pytest.mark.parametrize(("rows", "dark"), pairs([5, 0], [False, True]))
def test_the_plots_of_a_report_are_drawn_light_and_dark(rows, dark):
    report = Report.of(with_facts(two_clusters()).iloc[:rows])
    figures = [
        plot_cluster_sizes(report.sizes, dark=dark),
        plot_freed(report.by_folder, dark=dark),
        plot_times(report.by_month, dark=dark),
        plot_kinds(report.files, dark=dark),
        plot_distances(report.files, dark=dark),
    ]
    for figure in figures:
        [axis] = shown(figure)
        assert axis.get_facecolor() == figure.get_facecolor()
        assert (sum(figure.get_facecolor()[:3]) < 1) == dark


@pytest.mark.long
def test_the_plots_of_a_report_show_its_figures():
    report = Report.of(with_facts(two_clusters()))
    [axis] = shown(plot_cluster_sizes(report.sizes))
    assert [bar.get_height() for bar in axis.patches] == [1, 1]
    [axis] = shown(plot_freed(report.by_folder))
    assert [bar.get_width() for bar in axis.patches] == [500, 400, 200]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["/a", "uploads", "/c"]
    [axis] = shown(plot_times(report.by_month.tail(1)))
    assert [part.get_data().values.tolist() for part in axis.patches] == [[0], [2]]
    # A month in which files were ingested, and nothing else happened, is not looked at.
    later = report.by_month.tail(1).assign(
        copied=0, taken_in=5, month=pd.Timestamp("2030", tz="UTC")
    )
    [axis] = shown(plot_times(pd.concat([report.by_month.tail(1), later], ignore_index=True)))
    assert [part.get_data().values.tolist() for part in axis.patches] == [[0], [2]]
    [axis] = shown(plot_kinds(report.files))
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        *("cropped", "re-encoded", "resized"),
    ]


def test_the_keeper_is_not_counted_as_a_copy():
    clusters = with_facts(two_clusters())
    clusters.loc[clusters["is_keeper"].astype(bool), "label"] = "kept"
    report = Report.of(clusters)
    assert "kept" in report.files["label"].tolist()
    [axis] = shown(plot_kinds(report.files))
    assert "kept" not in [text.get_text() for text in axis.get_yticklabels()]
    assert not report.clusters["kinds"].str.contains("kept").any()


def test_folders_with_any_letters_are_not_formulas():
    by_folder = pd.DataFrame(
        {"folder": ["/a/$x^2\n$東京", None], "frees_disk": [5, 3], "frees_store": 0}
    )
    shown(plot_freed(by_folder))


def test_neighbors_are_drawn_beside_random_pairs():
    figure = plot_nearest(pd.Series([0, 2, 40]), pd.Series([60, 64, 70]), 10)
    assert len(shown(figure)[0].patches) == 2
    assert len(shown(plot_nearest(pd.Series(dtype="int64"), pd.Series(dtype="int64")))) == 1
