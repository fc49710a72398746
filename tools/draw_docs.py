"""Draw the pictures of the documentation from the sample pictures: `python -m tools.draw_docs`."""

import sys
import tempfile
from pathlib import Path

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.report.evaluation.samples import make_samples
from imgurer_kernel.report.figures import dhash_figure

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
DPI = 110


def draw(into: Path) -> list[Path]:
    """Write dhash.jpg and explain.jpg into a folder that exists; return their paths."""
    with tempfile.TemporaryDirectory() as folder:
        truth = make_samples(Path(folder) / "samples")
        captioned = truth[truth["transform"] == "captioned"].iloc[0]
        original = truth[truth["filename"] == captioned["duplicate_of"]].iloc[0]
        dhash = dhash_figure(fingerprint(Path(original["path"]).read_bytes())).jpeg(DPI)
        with Workbench(Settings(root=Path(folder) / "store")) as workbench:
            explanation = workbench.explain(original["path"], captioned["path"])
            explained = explanation.figure().jpeg(DPI)
    written = [into / "dhash.jpg", into / "explain.jpg"]
    written[0].write_bytes(dhash)
    written[1].write_bytes(explained)
    return written


if __name__ == "__main__":
    sys.stdout.writelines(f"{path}\n" for path in draw(PICTURES))
