import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imgurer_kernel.report.layout import lay_out
from imgurer_kernel.workbench.methods import likeness
from imgurer_kernel.workbench.methods.likeness import distances
from tests.support.pictures import encode, jpeg, resized, scene

HASHES = st.integers(0, 9).flatmap(lambda n: arrays(np.uint64, (n, 2)))


@given(HASHES, st.integers(0, 3))
def test_the_nearest_is_the_nearest_of_all_others(hashes, seed):
    ids = np.arange(len(hashes)) + 10
    nearest, strangers = distances(ids, hashes, 5, seed)
    bits = [
        [sum(int(a ^ b).bit_count() for a, b in zip(one, other, strict=True)) for other in hashes]
        for one in hashes
    ]
    for image_id, found in nearest.items():
        row = image_id - 10
        assert found == min(bits[row][k] for k in range(len(hashes)) if k != row)
    assert len(nearest) == len(strangers) == (min(5, len(hashes)) if len(hashes) > 1 else 0)
    again = distances(ids, hashes, 5, seed)
    assert nearest.equals(again[0])
    assert strangers.equals(again[1])


def test_a_store_has_a_map_and_distances(new_store, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(5):
        (folder / f"{k}.jpg").write_bytes(jpeg(k))
    (folder / "small.jpg").write_bytes(encode(resized(scene(0), 320, 240)))
    wb = new_store()
    wb.ingest(folder, progress=False)
    drawn = wb.likeness_map(wb.clusters(verify=False, progress=False))
    frame = drawn.frame.set_index("filename")
    assert frame["cluster_id"].notna().to_dict() == {f"{k}.jpg": k == 0 for k in range(5)} | {
        "small.jpg": True
    }
    assert drawn._repr_jpeg_().startswith(b"\xff\xd8")
    # A process costs a second, and has been shown to do its work.
    monkeypatch.setattr(likeness, "lay_out_apart", lambda grays, seed, _: lay_out(grays, seed))
    assert wb.likeness_map().frame["cluster_id"].isna().all()
    assert wb.likeness_map(image_ids=[2, 1]).frame["image_id"].tolist() == [2, 1]
    nearest, strangers = wb.neighbor_distances()
    assert nearest.loc[frame.loc["small.jpg", "image_id"]] <= 3
    assert len(strangers) == 6
