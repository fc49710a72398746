"""Every situation that people complained of, as it is in the folder of cases.

What later issues will close is a strict expected failure: whoever closes it must take it off.
"""

from pathlib import Path

import pytest

from imgurer_kernel import Settings, Workbench
from tests.cases.reading import FOLDER, faults, read_index

pytestmark = pytest.mark.skipif(
    not (FOLDER / "index.csv").exists(), reason=f"there is no folder of cases at {FOLDER}"
)

EYE = "the eye (what differs, seen as a person sees it) is a later issue"
REVIEW = "which copy is kept is for the issue on review"
OPEN = {
    "01_gray_copy": REVIEW,
    "04_hidden_colours": EYE,
    "06_gif_same_first_frame": EYE,
    "12_motion_photo": EYE,
    "16_which_is_kept": REVIEW,
    "16b_heic_vs_jpeg": REVIEW,
    "28_borders": REVIEW,
    "29_watermark_meme_burst": REVIEW,
    "29c_watermark_levels": REVIEW,
    "31_odd_containers": EYE,
}
"""Closed by a later issue, and why not yet."""

CASES = read_index() if (FOLDER / "index.csv").exists() else {}


def case_parameters():
    return [
        pytest.param(
            case,
            id=name,
            marks=[pytest.mark.xfail(reason=OPEN[name], strict=True)] if name in OPEN else [],
        )
        for name, case in CASES.items()
    ]


@pytest.mark.parametrize("case", case_parameters())
def test_case(case, tmp_path):
    folder = FOLDER / case.name
    with Workbench(Settings(root=tmp_path / "store", store="reference")) as wb:
        taken = wb.ingest(folder, progress=False)
        clusters = wb.clusters(progress=False)
    sources = [str(Path(source).relative_to(folder)) for source in taken["source"]]
    status = dict(zip(sources, taken["status"], strict=True))
    wrong = [
        f"{name} is {status.get(name)} and not {wanted}"
        for name, wanted in case.status.items()
        if status.get(name) not in {wanted, "duplicate" if wanted == "added" else wanted}
    ]
    assert wrong + faults(case, folder, clusters) == []


def test_all_cases_are_there():
    assert len(CASES) == 38
    assert set(OPEN) <= set(CASES)
