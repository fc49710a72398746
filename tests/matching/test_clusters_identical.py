"""Flat pictures match by equal pixels in any format, and by nothing else."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.matching.clusters.identical import add_identical
from imgurer_kernel.store.catalog import Catalog, commands, fingerprints, users
from tests.support.forms import long_only, rounds, thinned
from tests.support.pictures import jpeg


def saved(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def noted(text):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text)
    return {"pnginfo": info}


def solid(colour, size=(300, 200), mode="RGB"):
    return Image.new(mode, size, colour)


def nearly_blank(at, size=(300, 200)):
    page = solid("white", size)
    page.putpixel(at, (250, 250, 250))
    return page


def ramp(down, size=120):
    line = np.linspace(100, 140, size).astype(np.uint8)
    grays = np.tile(line, (size, 1))
    return Image.fromarray(np.ascontiguousarray(grays.T if down else grays))


def icon(left, background=0):
    """White on transparent; on black it is flat too, for it hardly covers anything."""
    picture = Image.new("RGBA", (400, 400), (255, 255, 255, background))
    picture.paste((255, 255, 255, 255), (left, 10, left + 3, 13))
    return picture


def turned(picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


@pytest.fixture
def wb(new_store):
    return new_store()


EQUAL = {
    "other format": (saved(solid((9, 90, 200))), saved(solid((9, 90, 200)), "BMP")),
    "other metadata": (saved(solid("gray")), saved(solid("gray"), **noted("a scan"))),
    "gray and colour": (saved(solid(77, mode="L")), saved(solid((77, 77, 77)), "TIFF")),
    "palette": (saved(solid("red")), saved(solid("red"), "GIF")),
    "nearly blank": (saved(nearly_blank((5, 5))), saved(nearly_blank((5, 5)), "BMP")),
    "gradient": (saved(ramp(down=True)), saved(ramp(down=True), "BMP")),
    "1x1": (saved(solid("blue", (1, 1))), saved(solid("blue", (1, 1)), "BMP")),
    "upright and turned": (saved(nearly_blank((5, 7))), turned(nearly_blank((5, 7)))),
    "white icon": (saved(icon(50)), saved(icon(50), "TIFF")),
    "JPEG with and without a comment": (
        saved(solid((1, 2, 3)), "JPEG"),
        saved(solid((1, 2, 3)), "JPEG", comment=b"x"),
    ),
}
DIFFERENT = {
    "colour": (saved(solid((9, 90, 200))), saved(solid((9, 90, 201)))),
    "same luma": (saved(solid((255, 0, 0))), saved(solid(76, mode="L"))),
    "one pixel": (saved(nearly_blank((5, 5))), saved(nearly_blank((6, 5)))),
    "gradients": (saved(ramp(down=True)), saved(ramp(down=False))),
    "size": (saved(solid("white", (300, 200))), saved(solid("white", (200, 300)))),
    "1x1": (saved(solid("blue", (1, 1))), saved(solid("red", (1, 1)))),
    "white icons": (saved(icon(50)), saved(icon(90))),
    "transparency": (saved(icon(50)), saved(solid("white", (400, 400)))),
    "black and clear": (
        saved(solid((0, 0, 0, 255), mode="RGBA")),
        saved(solid((0, 0, 0, 0), mode="RGBA")),
    ),
    "depth": (
        saved(Image.fromarray(np.full((80, 80), 3, np.uint16))),
        saved(Image.fromarray(np.full((80, 80), 900, np.uint16))),
    ),
    "still and animated": (
        saved(solid("white"), "GIF"),
        saved(solid("white"), "GIF", save_all=True, append_images=[solid("red")]),
    ),
    "animations": tuple(
        saved(solid("white"), "GIF", save_all=True, append_images=[solid(end)])
        for end in ("red", "blue")
    ),
}


def test_digests_of_pixels_are_equal_where_the_pixels_are():
    for case, (one, other) in EQUAL.items():
        assert fingerprint(one).pixels == fingerprint(other).pixels is not None, case
    for case, (one, other) in DIFFERENT.items():
        assert fingerprint(one).pixels != fingerprint(other).pixels, case


@pytest.mark.parametrize("verify", [True, *long_only(False)])
@pytest.mark.parametrize("case", thinned(EQUAL, 5))
def test_equal_pixels_are_the_same(wb, case, verify):
    one, other = EQUAL[case]
    assert one != other
    wb.upload("one", one)
    wb.upload("other", other)
    assert not wb.images()["informative"].any()
    frame = wb.clusters(verify=verify, progress=False)
    assert sorted(frame["image_id"]) == [1, 2]
    assert frame["label"].tolist() == ["medoid", "same pixels"]
    assert frame["distance_to_medoid"].tolist() == [0, 0]
    assert frame["score"].tolist() == [1, 1]
    assert frame.attrs["uninformative"] == 2
    for query in (one, other):
        found = wb.similar(query, verify=verify)
        assert found["image_id"].tolist() == [1, 2]
        word = "same pixels" if query == other else "exact"
        assert found["verdict"].tolist() == [word, "exact" if query == other else "same pixels"]


def test_every_query_calls_equal_pixels_the_same(wb):
    one, other = EQUAL["other format"]
    wb.upload("one", one)
    wb.upload("other", other)
    assert wb.similar(1)["verdict"].tolist() == ["exact", "same pixels"]
    assert wb.lookup([other], progress=False)["status"].tolist() == ["exact"]
    found = wb.evidence(1, 2)
    assert (found.label, found.detail, found.duplicate) == ("same pixels", "", True)
    assert wb.explain(1, 2).headline == "The same picture, pixel for pixel, in another file."


@pytest.mark.parametrize("case", thinned(DIFFERENT, 3))
def test_other_pixels_are_another_picture(wb, case):
    for name, data in zip(("one", "other"), DIFFERENT[case], strict=True):
        wb.upload(name, data)
    assert not wb.images()["informative"].any()
    # The store is the same: what differs is told before anything is compared.
    for verify in rounds([True], [True, False]):
        assert wb.clusters(verify=verify, progress=False).empty
        assert wb.similar(1, verify=verify)["image_id"].tolist() == [1]


def test_transparent_pixels_have_no_colour():
    clear, hidden = (Image.new("RGBA", (50, 50), (*colour, 0)) for colour in ((0, 0, 0), (9, 9, 9)))
    # Where nothing at all shows, colours are all that there is.
    assert fingerprint(saved(clear)).pixels != fingerprint(saved(hidden)).pixels
    for image in (clear, hidden):
        image.putpixel((3, 3), (5, 5, 5, 255))
    assert fingerprint(saved(clear)).pixels == fingerprint(saved(hidden)).pixels


def test_only_what_is_flat_has_a_digest_of_pixels():
    assert fingerprint(jpeg(1)).pixels is None
    one, other = (fingerprint(data).pixels for data in DIFFERENT["animations"])
    assert len(one) == 64
    assert one != other
    assert len(fingerprint(saved(solid("red"))).pixels) == 64


def test_large_pictures_are_digested_in_strips(monkeypatch):
    page = nearly_blank((290, 199))
    whole = fingerprint(saved(page)).pixels
    monkeypatch.setattr("imgurer_kernel.fingerprint.codecs.pixels._STRIP", 5000)
    assert fingerprint(saved(page)).pixels == whole


def test_forgetting_a_flat_picture_forgets_its_pixels(wb):
    for name, data in zip("ab", EQUAL["palette"], strict=True):
        wb.upload(name, data)
    wb.forget(1)
    assert wb.clusters(progress=False).empty
    assert wb.similar(EQUAL["palette"][0])["image_id"].tolist() == [2]


@pytest.mark.long
def test_a_crowd_of_blank_pages_is_one_cluster_of_pixels(tmp_path):
    from tests.support.catalog_records import arrival, digest
    from tests.support.catalog_records import fingerprint as record

    with Catalog(tmp_path) as catalog:
        catalog.run(users.add_user, "ann", "member", None)
        blank = {"informative": False, "algorithm": "x"}
        catalog.run(
            commands.add,
            [
                arrival(n, fingerprint=record(n, **blank, pixels=f"{n % 2}" if n < 3000 else None))
                for n in range(3010)
            ],
        )
        even, odd = catalog.run(fingerprints.groups_of_equal_pixels, "x")
        assert (len(even), len(odd)) == (1500, 1500)
        assert [digest(i - 1) for i in even] == sorted(digest(n) for n in range(0, 3000, 2))
        assert catalog.run(fingerprints.with_pixels, "1", "x") == sorted(odd)
        assert catalog.run(fingerprints.groups_of_equal_pixels, "y") == []
        assert catalog.run(fingerprints.with_pixels, "1", "y") == []


@given(
    st.lists(st.integers(2, 5), max_size=4).map(lambda sizes: sorted(sizes, reverse=True)),
    st.lists(st.integers(2, 5), max_size=4),
)
def test_flat_clusters_join_the_others_in_order_of_size(verified, flat):
    members = iter(range(100))
    take = [[next(members) for _ in range(size)] for size in (*verified, *flat)]
    n = sum(verified)
    clusters = ClusterTable(
        sizes=np.array(verified, np.int64),
        diameters=np.full(len(verified), 3),
        members=np.arange(n),
        distances=np.arange(n),
        scores=np.full(n, 0.9),
        edges=np.arange(n),
    )
    labels = np.full(n, "cropped", object)
    labels[clusters.starts] = "medoid"
    within = clusters.members / 100
    found = add_identical(
        LabelledClusters(clusters, labels, within, "plan", len(flat)), take[len(verified) :]
    )
    assert [c.size for c in found.clusters] == sorted((*verified, *flat), reverse=True)
    assert sorted(c.members.tolist() for c in found.clusters) == sorted(take)
    shares, words = iter(found.within_frame), iter(found.labels)
    for cluster in found.clusters:
        same = cluster.medoid >= n
        word = "same pixels" if same else "cropped"
        assert [next(words) for _ in cluster.members] == ["medoid", *[word] * (cluster.size - 1)]
        assert cluster.diameter == (0 if same else 3)
        expected = [1 if same else member / 100 for member in cluster.members]
        assert [next(shares) for _ in cluster.members] == expected
