"""Compute the fingerprint of a picture from its bytes.

The hash, the hash without borders, the grays, the picture for verification and the thumbnail come
from one decode. A JPEG is decoded at a reduced size; compared with a full decode, its dHash differs
in no bit at the median and in at most 4 for 95 of 100 photos, all at pairs of grays that are one
level apart.
"""

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint import borders, decode
from imgurer_kernel.fingerprint.animation import Frames, frames_of
from imgurer_kernel.fingerprint.codecs.gate import gate
from imgurer_kernel.fingerprint.hashes.dhash import dhash, informative, near_ties
from imgurer_kernel.fingerprint.rendition import View
from imgurer_kernel.settings import Settings

__all__ = ["ALGORITHM", "VERIFICATION", "Fingerprint", "dhash_of", "fingerprint"]

ALGORITHM = "dhash-128-lanczos-3"
VERIFICATION = 64

_DECODED_IN_PART = {"JPEG", "MPO"}


def fingerprint(data: bytes, exact: bool = False, limits: Settings | None = None) -> Fingerprint:
    """Compute everything that the store keeps of a picture besides its bytes.

    The picture is made upright by its EXIF orientation. For an animation the first frame counts,
    and the later ones distinguish it from others with the same first frame. Deep grays are reduced
    to 8 bits. The background of transparent pixels is white, as in the reference package. If the
    picture is flat on white but not on black, such as a white icon, the background is black for the
    hashes, the grays, the verification and the thumbnail. Colours are converted by the ICC profile
    to sRGB. A picture that is still flat gets a digest of all its pixels with their transparency.

    Parameters
    ----------
    data
        A file: AVIF, BMP, GIF, HEIC, ICO, JPEG, JPEG 2000, PNG, PNM, TIFF or WebP.
    exact
        Decode every pixel of a JPEG and compute the hash from all of them. The dHash is then that
        of PyPI ``dhash`` for the upright picture, bit for bit: of the stored values, without the
        colour profile.
    limits
        Largest file, picture and number of frames; the defaults of `Settings` if None.

    Raises
    ------
    ImageRejected
        If the file is not a picture, over a limit, or damaged; the message is for users.
    """
    picture = decode.read(data, limits, exact=exact)
    # Later steps can fail, too, and one file must never end a batch.
    with gate(picture.format, data):
        return _fingerprint_of(picture, data, limits)


def _fingerprint_of(picture: decode.Decoded, data: bytes, limits: Settings | None) -> Fingerprint:
    view = picture.view()
    grays = view.grays(9)
    found = dhash(grays)
    known = informative(grays)
    frames = frames_of(data, picture.format, picture.frames, limits or decode.usual_limits())
    return Fingerprint(
        dhash=found,
        trimmed_dhash=_trimmed(view, found),
        grays=grays.tobytes(),
        verification=view.grays(VERIFICATION).tobytes(),
        thumbnail=view.jpeg(),
        width=picture.width,
        height=picture.height,
        format=picture.format,
        frames=picture.frames,
        informative=known,
        near_ties=near_ties(grays),
        algorithm=ALGORITHM,
        facts=picture.facts,
        pixels=None if known else _pixels(picture, frames, data, limits),
        frame_key=frames.key,
        duration_ms=frames.duration_ms,
        frames_digest=frames.digest,
        damage=picture.damage or frames.damage,
        profile=picture.profile,
        is_gray=view.is_gray(),
    )


def dhash_of(data: bytes, exact: bool = False, limits: Settings | None = None) -> tuple[int, int]:
    """Compute the dHash alone, equal to that of `fingerprint`, in less time.

    Raises
    ------
    ImageRejected
        As `fingerprint`.
    """
    picture = decode.read(data, limits, exact=exact, colour=False)
    with gate(picture.format, data):
        return dhash(picture.view().grays(9))


def _pixels(
    picture: decode.Decoded, frames: Frames, data: bytes, limits: Settings | None
) -> str | None:
    """Hash every pixel of every frame; None if some cannot be decoded."""
    if picture.frames > 1 and picture.format not in _DECODED_IN_PART:
        return frames.digest
    if picture.format in _DECODED_IN_PART:
        try:
            picture = decode.read(data, limits, exact=True)
        except ImageRejected:  # too large for a full decode, or damaged in a part not read before
            return None
    return picture.digest()


def _trimmed(view: View, found: tuple[int, int]) -> tuple[int, int]:
    """Compute the dHash without uniform borders, from the same reduced picture.

    If the content within the borders is flat, return the dHash of the whole picture.
    """
    gray = view.gray()
    box = borders.trim(gray)
    if box == (0, 0, gray.shape[1], gray.shape[0]):
        return found
    within = view.grays(9, within=box)
    return dhash(within) if informative(within) else found
