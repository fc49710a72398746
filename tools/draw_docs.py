"""Draw the pictures of the documentation from the sample pictures: `python -m tools.draw_docs`."""

import sys
import tempfile
from pathlib import Path

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.report.evaluation.samples import make_samples
from imgurer_kernel.report.figures import contact_sheet, dhash_figure

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
DPI = 110


def draw(into: Path) -> list[Path]:
    """Write dhash.jpg, explain.jpg and keeper.jpg into a folder that exists; return their paths."""
    with tempfile.TemporaryDirectory() as folder:
        truth = make_samples(Path(folder) / "samples")
        captioned = truth[truth["transform"] == "captioned"].iloc[0]
        original = truth[truth["filename"] == captioned["duplicate_of"]].iloc[0]
        dhash = dhash_figure(fingerprint(Path(original["path"]).read_bytes())).jpeg(DPI)
        with Workbench(Settings(root=Path(folder) / "store")) as workbench:
            explanation = workbench.explain(original["path"], captioned["path"])
            explained = explanation.figure().jpeg(DPI)
            family = truth[truth["group"] == captioned["group"]]
            workbench.ingest(family["path"].tolist(), store="reference", progress=False)
            queue = workbench.queue(progress=False)
            queue = queue.sort_values("is_keeper", ascending=False, kind="stable").head(6)
            reasons = (
                queue["keeper_reason"].str.partition("; ")[0].str.replace("[:,] ", "\n", regex=True)
            )
            captions = queue["filename"] + "\n" + reasons
            kept = contact_sheet(workbench.thumbnails(queue["image_id"]), captions.tolist())
            keeper = kept.jpeg(DPI)
    drawn = {"dhash.jpg": dhash, "explain.jpg": explained, "keeper.jpg": keeper}
    for name, jpeg in drawn.items():
        (into / name).write_bytes(jpeg)
    return [into / name for name in drawn]


if __name__ == "__main__":
    sys.stdout.writelines(f"{path}\n" for path in draw(PICTURES))
