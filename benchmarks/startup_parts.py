"""What `startup.py` measures, each in a process of its own; figures as JSON.

Run by `startup.py` as ``python startup_parts.py PART ROOT [IMAGES]``.
"""

import argparse
import gc
import io
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import PIL.Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgurer_kernel import Workbench

LOADED = (duckdb, np, pd, PIL.Image)
LATE = ("numba", "llvmlite", "voila", "ipywidgets", "anywidget", "tornado", "matplotlib", "tqdm")

Figures = dict[str, float]


def readying() -> Figures:
    """Have numba compile what a search of many hashes needs, which it keeps for later processes."""
    from imgurer_kernel.index import BKTree

    tree = BKTree()
    assert tree.warm(timeout=300)
    return {}


def loading() -> Figures:
    """Seconds that importing imgurer_kernel takes where what it builds on is there."""
    before, begun = time.process_time(), time.perf_counter()
    import imgurer_kernel  # noqa: F401

    taken = {"cpu": time.process_time() - before, "wall": time.perf_counter() - begun}
    assert not set(LATE) & sys.modules.keys()
    return taken


def making(root: Path, images: int) -> Figures:
    """A store with these many images in its catalog, of photo-like hashes; no originals."""
    from hashsets import photo_like, with_copies

    from imgurer_kernel import Settings, Workbench
    from imgurer_kernel.fingerprint.extract import ALGORITHM

    plain = with_copies(photo_like(images))
    trimmed = np.where(np.arange(images)[:, None] % 10 == 0, np.roll(plain, 1, axis=0), plain)
    columns = ("dhash_row", "dhash_col", "trimmed_row", "trimmed_col")
    words = np.column_stack([plain, trimmed])
    rows = pd.DataFrame(words, columns=list(columns))
    rows.insert(0, "image_id", np.arange(1, images + 1))

    def enter(connection: duckdb.DuckDBPyConnection) -> None:
        connection.register("rows", rows)
        connection.execute(_IMAGES, [ALGORITHM])
        connection.execute(_FILES)
        connection.execute("UPDATE generation SET generation = 1, next_image_id = ?", [images + 1])
        connection.unregister("rows")

    with Workbench(Settings(root=root)) as wb:
        wb.accounts.ensure_local()
        wb.catalog.run(enter)
    return {}


def opening(root: Path) -> Figures:
    """Seconds from a process that has its imports to the answer of a first and a next search."""
    from imgurer_kernel import Settings, Workbench

    query = a_picture()
    before, begun = time.process_time(), time.perf_counter()
    with Workbench(Settings(root=root)) as wb:
        wb.similar(query, verify=False)
        first, cpu = time.perf_counter() - begun, time.process_time() - before
        begun = time.perf_counter()
        wb.similar(query, verify=False)
        following = time.perf_counter() - begun
    return {"first": first, "first_cpu": cpu, "next": following}


def remembering(root: Path) -> Figures:
    """Megabytes of a kernel: with its imports, after a search, after all clusters by numba."""
    from imgurer_kernel import Settings, Workbench

    query, figures = a_picture(), {"imports": memory_mb()}
    with Workbench(Settings(root=root)) as wb:
        images = wb.statistics().images
        wb.similar(query, verify=False)
        figures["searched"] = rested_mb(wb)
        figures["index_bytes"] = wb.index_info().nbytes / images
        if images <= 100_000:
            assert "numba" not in sys.modules
        wb.clusters(verify=False, progress=False)
        assert "numba" in sys.modules
        figures["clustered"] = rested_mb(wb)
    return figures


def rested_mb(wb: "Workbench") -> float:
    """Memory once the catalog is closed, as it is half a second after it was used."""
    wb.catalog.release()
    gc.collect()
    return memory_mb()


def a_picture() -> bytes:
    from tools import draw_samples

    file = io.BytesIO()
    PIL.Image.fromarray(draw_samples.draw(draw_samples.SCENES[0], seed=1)).save(file, "JPEG")
    return file.getvalue()


def memory_mb() -> float:
    """Memory of this process now; of Linux only."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    [found] = [line.split()[1] for line in lines if line.startswith("VmRSS")]
    return int(found) / 1024


_IMAGES = """
    INSERT INTO images BY NAME
    SELECT image_id, sha256(image_id::VARCHAR) AS digest,
        dhash_row, dhash_col, trimmed_row, trimmed_col,
        repeat('\\x00'::BLOB, 81) AS grays, true AS informative, 3 AS near_ties,
        ?::VARCHAR AS algorithm, 4000 AS width, 3000 AS height, 'JPEG' AS format,
        1 AS frames, 4000000 AS bytes, 1 AS orientation, now()::TIMESTAMP AS added_at,
        1 AS generation
    FROM rows ORDER BY image_id
    """
_FILES = """
    INSERT INTO files BY NAME
    SELECT image_id AS file_id, image_id, 'local' AS user_name,
        '/pictures/' || image_id || '.jpg' AS path, encode(path) AS path_key,
        image_id || '.jpg' AS filename, 'copy' AS kept, 4000000 AS bytes, 1 AS modified_ns,
        now()::TIMESTAMP AS taken_in, now()::TIMESTAMP AS last_seen, 'present' AS state,
        'present' AS source_state
    FROM rows ORDER BY image_id
    """


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=["loading", "readying", "making", "opening", "remembering"])
    parser.add_argument("root", type=Path)
    parser.add_argument("images", type=int, nargs="?", default=0)
    chosen = parser.parse_args()
    parts: dict[str, Callable[[], Figures]] = {
        "loading": loading,
        "readying": readying,
        "making": lambda: making(chosen.root, chosen.images),
        "opening": lambda: opening(chosen.root),
        "remembering": lambda: remembering(chosen.root),
    }
    sys.stdout.write("\n" + json.dumps(parts[chosen.part]()) + "\n")


if __name__ == "__main__":
    main()
