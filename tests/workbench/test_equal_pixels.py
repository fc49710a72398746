"""Files of equal pixels have that label in any container, by every method."""

import io

import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from tests.support.pictures import scene


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    picture, other = (Image.fromarray(scene(seed, 320, 240)) for seed in (3, 17))
    exif = Image.Exif()
    exif[270] = "a description"
    dot = picture.copy()
    dot.putpixel((100, 100), tuple(255 - level for level in dot.getpixel((100, 100))))
    files = {
        "a.png": saved(picture, "PNG"),
        "a.bmp": saved(picture, "BMP"),
        "a.tiff": saved(picture, "TIFF", compression="tiff_lzw"),
        "a.webp": saved(picture, "WEBP", lossless=True, exact=True),
        "dot.png": saved(dot, "PNG"),
        "b.jpg": saved(other, "JPEG", quality=88),
        "b-told.jpg": saved(other, "JPEG", quality=88, exif=exif, comment=b"of somebody"),
        "b-progressive.jpg": saved(other, "JPEG", quality=88, progressive=True),
        "b-again.jpg": saved(other, "JPEG", quality=80),
    }
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as opened:
        for name, data in files.items():
            opened.upload(name, data)
        yield opened


def test_clusters_searches_and_evidence_name_equal_pixels(wb):
    ids = wb.files().set_index("filename")["image_id"].astype(int)
    equal = [["a.png", "a.bmp", "a.tiff", "a.webp"], ["b.jpg", "b-told.jpg", "b-progressive.jpg"]]
    for group in equal:
        similar = wb.similar(int(ids[group[0]])).set_index("filename")["verdict"]
        for name in group[1:]:
            assert similar[name] == "same pixels"
            for pair in ((group[0], name), (name, group[0])):
                assert wb.evidence(*(int(ids[each]) for each in pair)).label == "same pixels"
    clusters = wb.clusters(progress=False)
    medoids = clusters[clusters["is_medoid"].astype(bool)].set_index("cluster_id")["filename"]
    kind = {name: number for number, group in enumerate(equal) for name in group}
    for row in clusters[~clusters["is_medoid"].astype(bool)].itertuples():
        medoid = medoids[row.cluster_id]
        are_equal = kind.get(row.filename, -1) == kind.get(medoid, -2)
        assert (row.label == "same pixels") == are_equal, (row.filename, medoid, row.label)


def test_one_other_pixel_and_another_quality_are_re_encodings(wb):
    ids = wb.files().set_index("filename")["image_id"].astype(int)
    assert wb.evidence(int(ids["a.png"]), int(ids["dot.png"])).label != "same pixels"
    assert wb.evidence(int(ids["b.jpg"]), int(ids["b-again.jpg"])).label == "re-encoded"


@pytest.mark.long
def test_each_original_is_decoded_once_however_many_pairs_it_is_in(wb, tmp_path, monkeypatch):
    picture = Image.fromarray(scene(8, 160, 120))
    with Workbench(Settings(root=tmp_path / "store")) as opened:
        for level in range(1, 6):
            opened.upload(f"{level}.png", saved(picture, "PNG", compress_level=level))
        decoders = opened.store.decoders
        decode, decoded = decoders.digest, []

        def counted(data, **options):
            decoded.append(data)
            return decode(data, **options)

        monkeypatch.setattr(decoders, "digest", counted)
        clusters = opened.clusters(progress=False)
        assert clusters["label"].tolist().count("same pixels") == 4
        for image_id in clusters["image_id"].tolist():
            found = opened.similar(image_id)
            others = found.loc[found["image_id"] != image_id, "verdict"]
            assert set(others) == {"same pixels"}
        assert len(decoded) == len(set(decoded)) == 5
