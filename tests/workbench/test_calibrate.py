import pytest
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.evaluation.transforms import TRANSFORMS, variant
from imgurer_kernel.workbench.search import calibrate
from tests.support.copies import picture
from tests.support.forms import rounds

QUICK = TRANSFORMS[:: rounds(4, 1)]
"""Transforms of all tiers, for what does not depend on how many there are."""


def save(folder, name, image):
    image.save(folder / name, quality=92)


@pytest.fixture(scope="module")
def wb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(5):
        save(folder, f"{seed}.jpg", picture(seed))
    save(folder, "copy.jpg", variant(picture(0), "jpeg50", key="a", seed=0))
    save(folder, "white.png", Image.new("RGB", (80, 60), "white"))
    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as workbench:
        workbench.ingest(folder, progress=False)
        yield workbench


@pytest.fixture
def quick(monkeypatch):
    assert {each.tier for each in QUICK} == {1, 2, 3, 4}
    monkeypatch.setattr(calibrate, "TRANSFORMS", QUICK)


@pytest.fixture(scope="module")
def before(wb):
    return contents(wb)


@pytest.fixture(scope="module")
def measured(wb, before):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrate, "TRANSFORMS", QUICK)
        return wb.calibrate(sample=rounds(2, 4), seed=1, progress=False)


def contents(wb):
    """Every file of the store but those of the lease, once the catalog is closed."""
    wb.close()
    files = sorted(path for path in wb.settings.root.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if "lock" not in path.name}


@pytest.mark.long
def test_copies_are_found_and_strangers_are_not(measured):
    assert (measured.sample, measured.copies) == (4, 4 * len(TRANSFORMS))
    frame = measured.frame
    assert set(frame["planted"][frame["tier"] == 0]) == {4 * 53}
    assert set(frame["distinct"][frame["tier"] == 0]) == {53 * (4 * 3 + 6) + 6}
    whole = measured.summary
    assert whole.loc[("verified", 24), "recall"] > 95
    assert whole.loc[("verified", 24), "precision"] == 100
    assert whole.loc[("verified", 24), "tier 4"] == 100
    assert whole.loc[("plain", 10), "tier 4"] == 0
    assert whole.loc[("plain", 10), "tier 1"] > 80


def test_nothing_is_written_to_the_store(wb, before, measured):
    assert contents(wb) == before


@pytest.mark.long
@pytest.mark.usefixtures("quick")
def test_the_same_seed_measures_the_same(wb):
    measured = wb.calibrate(sample=2, seed=1, progress=False)
    again = wb.calibrate(sample=2, seed=1, progress=False)
    assert again.frame.equals(measured.frame)
    assert again.transforms.equals(measured.transforms)
    assert repr(again) == repr(measured)
    other = wb.calibrate(sample=2, seed=2, progress=False)
    assert not other.frame.equals(measured.frame)


@pytest.mark.usefixtures("quick")
def test_pictures_of_one_cluster_count_once_and_a_small_store_is_used_up(wb):
    found = wb.calibrate(sample=50, seed=0, progress=False)
    assert found.sample == 5  # five scenes; neither the copy nor the flat picture
    assert "50 were requested" in repr(found)
    assert "white" not in repr(found)


@pytest.mark.long
@pytest.mark.usefixtures("quick")
def test_progress_is_reported_and_may_stop_it(wb):
    told = []
    wb.calibrate(sample=2, progress=lambda done, total: told.append((done, total)))
    assert (2 * len(QUICK), 2 * len(QUICK)) in told
    assert all(done <= total for done, total in told)

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wb.calibrate(sample=2, progress=stop)


@pytest.mark.parametrize("sample", [1, 0, -5, 2.0, True, "9"])
def test_a_sample_must_be_two_or_more(wb, sample):
    with pytest.raises(QueryError, match="2 or more"):
        wb.calibrate(sample=sample, progress=False)


def test_a_store_without_pictures_to_tell_apart_says_so(tmp_path):
    with Workbench(Settings(root=tmp_path)) as wb:
        with pytest.raises(QueryError, match="ingest at least 2 that are not flat"):
            wb.calibrate(progress=False)
        save(tmp_path, "flat.png", Image.new("RGB", (50, 50), "teal"))
        save(tmp_path, "scene.jpg", picture(0))
        wb.upload("flat.png", (tmp_path / "flat.png").read_bytes())
        wb.upload("scene.jpg", (tmp_path / "scene.jpg").read_bytes())
        with pytest.raises(QueryError, match="of 2 pictures 1 can be told from others"):
            wb.calibrate(progress=False)


@pytest.mark.usefixtures("quick")
def test_originals_that_cannot_be_read_are_left_out(tmp_path):
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        for seed in range(3):
            save(tmp_path, "scene.jpg", picture(seed))
            wb.upload(f"{seed}.jpg", (tmp_path / "scene.jpg").read_bytes())
        digests = wb.images()["digest"].tolist()
        wb.blobs.path(digests[0]).unlink()
        found = wb.calibrate(sample=3, progress=False)
        assert found.sample == 2
        assert "1 original could not be read." in repr(found)
        wb.blobs.path(digests[1]).unlink()
        with pytest.raises(QueryError, match="check"):
            wb.calibrate(sample=3, progress=False)
