"""Time and size of what a notebook shows of a large store: report, page, gallery, map.

Run::

    python benchmarks/report.py
    python benchmarks/report.py --quick

The store is generated: 100,000 files in 10,000 clusters, with thumbnails, no originals. What a
verified search would have found is put in place of its answer, with the evidence of 90,000 pairs,
since the search itself is measured by `clusters.py`. The page is opened in Chromium, if playwright
and a Chromium are there, with the network off.
"""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import machine
import numpy as np
import pandas as pd
from hashsets import uniform
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching.pair_table import SAME, Pairs
from imgurer_kernel.matching.relation import Relation
from imgurer_kernel.ui import GalleryPanel

EACH = 10
"""Files of a cluster."""

_IMAGES = """
    INSERT INTO images BY NAME
    SELECT image_id, sha256(image_id::VARCHAR) AS digest, dhash_row, dhash_col,
        dhash_row AS trimmed_row, dhash_col AS trimmed_col, grays, true AS informative,
        3 AS near_ties, ?::VARCHAR AS algorithm, 4000 AS width, 3000 AS height,
        'JPEG' AS format, 1 AS frames, 4000000 + image_id AS bytes, 1 AS orientation,
        now()::TIMESTAMP AS added_at, 1 AS generation
    FROM made ORDER BY image_id
    """
_FILES = """
    INSERT INTO files BY NAME
    SELECT image_id AS file_id, image_id, 'local' AS user_name,
        '/home/ann/Pictures/' || image_id % 20 || '/album ' || image_id % 97 || '/IMG_' || image_id
        || '.jpg' AS path, encode(path) AS path_key, 'IMG_' || image_id || '.jpg' AS filename,
        'copy' AS kept, 4000000 + image_id AS bytes, 1700000000000000000 + image_id AS modified_ns,
        now()::TIMESTAMP AS taken_in, now()::TIMESTAMP AS last_seen, 'present' AS state,
        'present' AS source_state
    FROM made ORDER BY image_id
    """


def fill(wb: Workbench, images: int) -> None:
    """Enter images of which each ten have one hash, with a thumbnail of some 8 KB each."""
    words = np.repeat(uniform(images // EACH, 1), EACH, axis=0)
    random = np.random.default_rng(2)
    bases = random.integers(40, 200, (images // EACH, 1, 81))
    grays = (bases + random.integers(-6, 7, (images // EACH, EACH, 81))).reshape(-1, 81)
    made = pd.DataFrame(words, columns=["dhash_row", "dhash_col"])
    made.insert(0, "image_id", np.arange(1, images + 1))
    made["grays"] = [row.tobytes() for row in grays.astype(np.uint8)]

    def enter(connection) -> None:
        connection.register("made", made)
        connection.execute(_IMAGES, [ALGORITHM])
        connection.execute(_FILES)
        connection.execute("UPDATE generation SET generation = 1, next_image_id = ?", [images + 1])
        connection.unregister("made")

    wb.accounts.ensure_local()
    wb.catalog.run(enter)
    drawn = [thumbnail(number) for number in range(64)]
    for number, digest in enumerate(wb.images()["digest"].tolist()):
        place = wb.settings.root / "thumbs" / digest[:2] / digest[2:4]
        place.mkdir(parents=True, exist_ok=True)
        (place / digest).write_bytes(drawn[number // EACH % len(drawn)])


def thumbnail(number: int) -> bytes:
    """Draw a picture as large as thumbnails are, with as much in it as a photo has."""
    random = np.random.default_rng((3, number))
    small = Image.fromarray(random.integers(0, 255, (20, 27, 3), np.uint8))
    soft = np.asarray(small.resize((240, 180), Image.Resampling.BICUBIC), np.int16)
    file = io.BytesIO()
    pixels = (soft + random.integers(-12, 13, soft.shape)).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=75)
    return file.getvalue()


def found(wb: Workbench, images: int) -> pd.DataFrame:
    """Return clusters as a verified search would, and let the workbench know their pairs."""
    frame = wb.clusters(radius=0, verify=False, progress=False)
    assert frame["cluster_id"].nunique() == images // EACH
    medoids = frame[frame["is_medoid"]].set_index("cluster_id")["image_id"]
    copies = frame[~frame["is_medoid"]]
    random = np.random.default_rng(4)
    frame["label"] = frame["label"].astype("object")
    kinds = ["re-encoded", "resized", "cropped", "brighter"]
    frame.loc[copies.index, "label"] = random.choice(kinds, len(copies))
    frame.loc[copies.index, "score"] = random.uniform(0.9, 1, len(copies))
    one = copies["cluster_id"].map(medoids).to_numpy(np.int64)
    other = copies["image_id"].to_numpy(np.int64)
    strangers = np.column_stack([medoids.to_numpy(np.int64)[:-1], medoids.to_numpy(np.int64)[1:]])
    first = np.concatenate([np.minimum(one, other), strangers.min(axis=1)])
    second = np.concatenate([np.maximum(one, other), strangers.max(axis=1)])
    pairs = Pairs.untested(first, second, np.full(len(first), 3), np.zeros(len(first), np.int64))
    pairs.status[: len(one)] = SAME
    pairs.status[len(one) :] = Relation.ANOTHER_TAKE
    pairs.measures[:] = random.uniform(0.9, 1, (len(first), 3))
    pairs.maps[:] = (1, 0, 0, 0, 1, 0)
    service = wb._search.cluster_service  # noqa: SLF001
    service.pairs = lambda *_, **__: pairs
    service.related = lambda *_, **__: pairs.take(slice(len(one), None))
    return frame.astype({"label": "str"})


def state_bytes(widget) -> int:
    """Bytes of the state that a widget sends when it is shown."""
    state = widget.get_state()
    text = {key: value for key, value in state.items() if key != "_content"}
    content = state.get("_content", {})
    blob = content.get("blob", b"")
    rest = {key: value for key, value in content.items() if key != "blob"}
    return len(blob) + len(json.dumps(rest, default=str)) + len(json.dumps(text, default=str))


def opened(path: Path) -> dict[str, str]:
    """Open the page without a network; seconds to the first screen, and of filters."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        return {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.goto(path.as_uri(), wait_until="commit")
        page.wait_for_selector("html[data-ready]")
        first = page.evaluate("performance.now()")
        page.wait_for_load_state("load")
        whole = page.evaluate("performance.now()")
        page.wait_for_timeout(3000)
        rows = {"first screen": f"{first / 1000:.2f} s", "all of the page": f"{whole / 1000:.2f} s"}
        for name, (place, value) in {
            "filter by a name": ("#search", "img_4711"),
            "filter by nothing": ("#search", ""),
            "filter by a kind": ("#kind", "cropped"),
            "sort by what frees most": ("#sort", "frees"),
        }.items():
            taken = page.evaluate(_TIMED, [place, value])
            rows[name] = f"{taken / 1000:.2f} s"
        browser.close()
    return rows


# From the input to the next frame that is drawn, however late the page reacts to it.
_TIMED = """async ([place, value]) => {
  const field = document.querySelector(place), list = document.querySelector("#clusters");
  const changed = new Promise((done) => {
    new MutationObserver((_, observer) => { observer.disconnect(); done(); })
      .observe(list, { childList: true, subtree: true });
  });
  const begun = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  await changed;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - begun;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 files, a map of 2,000")
    parser.add_argument("--images", type=int, default=0, help="how many files")
    parser.add_argument("--on-map", type=int, default=0, help="how many of them on the map")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    chosen = parser.parse_args()
    images = chosen.images or (10_000 if chosen.quick else 100_000)
    on_map = chosen.on_map or (2_000 if chosen.quick else 20_000)
    figures: dict[str, str] = {}

    def note(name: str, taken: machine.Taken) -> None:
        figures[name] = f"{taken.cpu:.1f} s CPU, {taken.wall:.1f} s"
        print(f"| {name} | {figures[name]} |", flush=True)

    with (
        tempfile.TemporaryDirectory() as folder,
        Workbench(Settings(root=Path(folder) / "s")) as wb,
    ):
        print(machine.describe(("pandas", "duckdb", "scikit-learn")), file=sys.stderr)
        fill(wb, images)
        clusters = found(wb, images)
        with machine.timed() as taken:
            report = wb.report(clusters, progress=False)
        note(f"report of {images:,} files in {images // EACH:,} clusters", taken)
        assert len(report.pairs) == images - images // EACH
        assert len(report.related) == images // EACH - 1
        with machine.timed() as taken:
            assert report.diff(report).attrs["same"] == images // EACH
        note("its comparison with an earlier one", taken)
        page = Path(folder) / "report.html"
        with machine.timed() as taken:
            report.save(page)
        note("its page", taken)
        figures["size of the page"] = f"{page.stat().st_size / 1e6:.1f} MB"
        figures |= opened(page)
        frame = wb.images()
        assert len(frame) == images
        GalleryPanel(wb, frame.head(1))  # what is imported for the first one
        with machine.timed() as taken:
            gallery = GalleryPanel(wb, frame)
        note(f"first page of a gallery of {images:,} rows", taken)
        figures["what of it is sent"] = f"{state_bytes(gallery.widget) / 1e6:.2f} MB"
        chosen_ids = frame["image_id"].tolist()[:on_map]
        begun = time.perf_counter()
        before = machine.cpu_seconds(children=True)
        wb.likeness_map(clusters, image_ids=chosen_ids, progress=False)
        spent = machine.cpu_seconds(children=True) - before
        figures[f"map of {on_map:,}"] = f"{spent:.1f} s CPU, {time.perf_counter() - begun:.1f} s"
    print("\n| work | measured |\n| --- | ---: |")
    for name, value in figures.items():
        print(f"| {name} | {value} |")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
