"""Explain why two pictures are duplicates, or are not: a sentence and a figure."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.matching.evidence import Evidence
from imgurer_kernel.matching.labels import turn_of
from imgurer_kernel.matching.relation import CAPTIONS_DIFFER
from imgurer_kernel.report.explain.overlay import COLORLESS, Overlay

if TYPE_CHECKING:
    from imgurer_kernel.report.figures import NotebookFigure

_TURNS = {
    "mirrored": "flipped left to right",
    "rotated 180": "rotated by 180 degrees",
    "flipped": "flipped upside down",
    "transposed": "flipped left to right and rotated by 90 degrees counterclockwise",
    "rotated 90": "rotated by 90 degrees clockwise",
    "transversed": "flipped left to right and rotated by 90 degrees clockwise",
    "rotated 270": "rotated by 90 degrees counterclockwise",
}
# Smaller changes are not mentioned: the fit and its rounding, or re-encoding, cause as much.
_MIN_ROTATION = 0.4  # degrees
_MIN_CROP = 0.006  # share of a picture's area
_MIN_RESIZE = 0.015  # share of a size
_MIN_STRETCH = 0.025  # width against height, as a logarithm
_MIN_LIGHTNESS = 6.0  # gray levels of 255
_MIN_CONTRAST = 0.12  # ratio of the deviations, as a logarithm
_MIN_SATURATION = 1.25  # ratio of the mean chroma
_MIN_CHANGED = 0.003  # share of the common area
_LONGEST_NAME = 38


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of the two pictures.

    Attributes
    ----------
    name
        Display name; may be any file name.
    width, height
        Pixels of the upright picture.
    pixels
        uint8 (height, width, 3): the picture, reduced.
    informative
        False for a picture too flat to be compared.
    note
        A remark about what is shown, or empty.
    """

    name: str
    width: int
    height: int
    pixels: UInt8s
    informative: bool = True
    note: str = ""

    @property
    def title(self) -> str:
        """The name, shortened to the width of a picture."""
        name = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in self.name
        )
        if len(name) <= _LONGEST_NAME:
            return name
        return f"{name[: _LONGEST_NAME - 14]}\N{HORIZONTAL ELLIPSIS}{name[-13:]}"

    @property
    def size(self) -> str:
        """Width and height as text."""
        return f"{self.width} x {self.height}"


_RELATED = {
    "same layout": "one layout, as of a form or a screen, with other content",
    "another take": "another take of one scene",
    "colour variant": "one drawing or thing in other colours",
    "part of": "one is only a part of the other",
    "same cover": "one first page or frame, with others after it",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """Why two pictures are duplicates or are not: sentences, steps and a figure.

    A notebook shows it as one figure: the two pictures, the first overlaid on the second, their
    difference, and the sentences.

    Attributes
    ----------
    evidence
        The measured values.
    first, second
        The two pictures.
    overlay
        The first picture on the second.
    """

    evidence: Evidence
    first: Side
    second: Side
    overlay: Overlay

    def __repr__(self) -> str:
        return self.words

    @property
    def duplicate(self) -> bool:
        """Whether the two are the same picture."""
        return self.evidence.duplicate

    @property
    def headline(self) -> str:
        """The verdict in a sentence."""
        if self.evidence.label == "exact":
            return "The same picture, exactly."
        if self.evidence.label == "same pixels":
            return "The same picture, pixel for pixel, in another file."
        if self.evidence.label in _RELATED:
            return f"Not the same picture: {_RELATED[self.evidence.label]}."
        if self.evidence.label == "different":
            return "Not the same picture."
        return f"The same picture: {_join(self.steps)}."

    @property
    def details(self) -> str:
        """The measured values in a sentence."""
        evidence = self.evidence
        flat = [side.title for side in (self.first, self.second) if not side.informative]
        if evidence.label in {"exact", "same pixels"}:
            return "No pixel differs."
        if flat:
            subject = f"Of the two {flat[0]} is" if len(flat) == 1 else "Both are"
            return f"{subject} nearly flat: only equal pixels would make them duplicates."
        bits = f"{evidence.distance} of 128 bits differ{'s' * (evidence.distance == 1)}"
        agreement = f"{max(evidence.score, 0):.0%} agreement".replace("%", " %")
        if evidence.label == "different" and evidence.score >= AGREEMENT:
            return f"{agreement} as a whole, but not part by part; {bits}."
        if evidence.label == "different":
            return (
                f"{agreement} where they fit best, {AGREEMENT * 100:.0f} % would be needed; {bits}."
            )
        if evidence.via is not None:
            return f"By way of picture {evidence.via}, with which both have {agreement} at least."
        return f"{agreement}, {bits}."

    @property
    def words(self) -> str:
        """Verdict and measured values."""
        notes = [f"{side.title}: {side.note}." for side in (self.first, self.second) if side.note]
        return " ".join([self.headline, self.details, *notes])

    @property
    def steps(self) -> list[str]:
        """List the edits that turn the first picture into the second, as text."""
        evidence, overlay = self.evidence, self.overlay
        done = [_TURNS[evidence.orientation]] if evidence.orientation in _TURNS else []
        sizes = (self.first.width, self.first.height), (self.second.width, self.second.height)
        orientation = ORIENTATIONS.index(evidence.orientation)
        # Orientations from 4 on exchange width and height.
        if orientation >= 4:
            sizes = sizes[0][::-1], sizes[1]
        degrees, across, down = turn_of(overlay.transform, orientation, *sizes)
        if abs(degrees) >= _MIN_ROTATION:
            direction = "clockwise" if degrees > 0 else "counterclockwise"
            done.append(f"rotated by {_degrees(abs(degrees))} {direction}")
        done += self._framing_steps(evidence.label)
        scale = math.sqrt(across * down)
        if abs(math.log(across / down)) > _MIN_STRETCH:
            done.append(f"stretched from {self.first.size} to {self.second.size}")
        elif abs(scale - 1) > _MIN_RESIZE:
            done.append(f"resized from {self.first.size} to {self.second.size}")
        done += self._edit_steps()
        # Compare stems, since the words in the list have other endings.
        stem = {"rotated": "rotat", "flipped": "flipp"}.get(evidence.label, evidence.label)
        is_listed = any(stem in step for step in done)
        if not is_listed and stem not in {"resized", "re-encoded"}:
            done.insert(0, evidence.label)
        return done or ["re-encoded"]

    def _framing_steps(self, label: str) -> list[str]:
        kept, covered = self.overlay.kept, self.overlay.covered
        lost, new = 1 - kept > _MIN_CROP, 1 - covered > _MIN_CROP
        step = ""
        if label == "bordered" and new and covered <= kept:
            step = f"bordered, by {_percent(1 - covered)} of the second picture"
        elif label == "bordered" and lost:
            step = f"no longer bordered, which took {_percent(1 - kept)} of the first picture"
        elif lost and new and label != "rotated":
            step = f"cropped elsewhere, {_percent(kept)} of the first are in the second"
        elif lost and not new:
            step = f"cropped to {_percent(kept)} of its area"
        elif new and not lost:
            step = f"with more around it (the first shows {_percent(covered)} of it)"
        return [step] if step else []

    def _edit_steps(self) -> list[str]:
        overlay, done = self.overlay, []
        # The white and the black of letters change what is measured of tones and colours.
        _, captions, share = self.evidence.detail.partition(CAPTIONS_DIFFER)
        if captions:
            return [f"edited ({captions}{share})"]
        if abs(overlay.lightness) > _MIN_LIGHTNESS:
            done.append("made brighter" if overlay.lightness > 0 else "made darker")
        if abs(math.log(overlay.contrast)) > _MIN_CONTRAST:
            done.append("given more contrast" if overlay.contrast > 1 else "given less contrast")
        if overlay.color < COLORLESS:
            done.append("turned gray")
        elif overlay.color > 1 / COLORLESS:
            done.append("given colours")
        elif overlay.color > _MIN_SATURATION:
            done.append("given stronger colours")
        if "negative" in self.evidence.detail:
            done.append("turned into its negative")
        covered = self.evidence.detail.partition("covered ")[2]
        if covered:
            done.append(f"covered {covered}")
        elif overlay.differing > _MIN_CHANGED:
            done.append(f"changed on {_percent(overlay.differing)} of its area")
        return [f"edited ({_join(done)})"] if done else []

    def figure(self) -> "NotebookFigure":
        """Draw both pictures, the first on the second, their difference, and the sentences."""
        from imgurer_kernel.report.figures import FigurePanel, explanation_figure

        overlay = self.overlay
        different = not self.duplicate
        panels = [
            FigurePanel(pixels=side.pixels, title=side.title, caption=_caption(side))
            for side in (self.first, self.second)
        ]
        fit = "as well as it fits" if different else ""
        panels.append(
            FigurePanel(
                pixels=overlay.aligned,
                covered=overlay.inside,
                title="First laid on second",
                caption=fit,
            )
        )
        return explanation_figure(
            (self.headline, " ".join(self.words.removeprefix(self.headline).split())),
            panels,
            FigurePanel(
                pixels=overlay.beneath,
                covered=overlay.inside,
                title="What differs",
                caption=_map_caption(overlay, different),
            ),
            overlay.difference,
            overlay.apart,
            good=not different,
        )

    def save(self, path: str | Path) -> Path:
        """Write the figure as PNG.

        Raises
        ------
        SourceError
            If the path is invalid.
        StorageDenied, StorageFull
            If the file cannot be written.
        """
        target = given_path(path, "the file of the figure")
        image = io.BytesIO()
        self.figure().savefig(image, format="png", dpi=150, metadata={"Description": self.words})
        with atomic_write(target) as file:
            file.write(image.getvalue())
        return target

    def _repr_jpeg_(self) -> tuple[bytes, dict[str, object]]:
        """Show the figure at double resolution, with its sentences as alternative text."""
        from imgurer_kernel.report.figures import DPI

        figure = self.figure()
        width = round(figure.get_figwidth() * DPI)
        return figure.jpeg(dpi=DPI * 3 // 2), {"alt": self.words, "width": width}


def _caption(side: Side) -> str:
    return f"{side.size} ({side.note})" if side.note else side.size


def _map_caption(overlay: Overlay, different: bool) -> str:
    words = [] if different else ["tones evened out"]
    if overlay.apart.any():
        words.append("framed: nothing in common")
    return "; ".join(words)


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 2 or percent == 0 else f"{max(percent, 0.1):.1f} %"


def _degrees(angle: float) -> str:
    number = f"{angle:.1f}".removesuffix(".0")
    return f"{number} degree" if number == "1" else f"{number} degrees"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
