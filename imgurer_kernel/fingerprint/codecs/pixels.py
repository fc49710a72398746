"""Process decoded pixels: background, depth, reduction, orientation.

Large pictures are processed in strips, so that a second copy of 200 megapixels is never made.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import numpy as np
from PIL import Image

from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.fingerprint.codecs import depth
from imgurer_kernel.fingerprint.codecs.depth import Scale

Background = Literal["white", "black"]
Size = tuple[int, int]
FloatBox = tuple[float, float, float, float]
Picture = Image.Image

# Pixels of a strip: a megabyte of colours, which stays in the cache; twice as fast as 16 MB.
_STRIP = 250_000
_PLAIN = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa"}
_DEEP = {"I;16", "I;16B", "I;16L", "I;16N", "I", "F"}

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fit(size: Size, frame: Size) -> Size:
    """Compute the size at which a picture fits a frame: aspect kept, never enlarged.

    Examples
    --------
    >>> fit((4000, 3000), (240, 270)), fit((100, 50), (240, 270)), fit((1, 65535), (240, 270))
    ((240, 180), (100, 50), (1, 270))
    """
    scale = min(frame[0] / size[0], frame[1] / size[1], 1)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def upright(image: Picture, orientation: int) -> Picture:
    """Turn a picture upright by its EXIF orientation, 1..8."""
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def upright_box(box: FloatBox, size: Size, orientation: int) -> FloatBox:
    """Map a box of a stored picture of this size to the upright picture.

    Examples
    --------
    >>> upright_box((0, 0, 9.5, 5), (10, 5), 6)
    (0, 0, 5, 9.5)
    """
    left, top, right, bottom = box
    width, height = size
    if orientation in {2, 3, 7, 8}:
        left, right = width - right, width - left
    if orientation in {3, 4, 6, 7}:
        top, bottom = height - bottom, height - top
    return (left, top, right, bottom) if orientation < 5 else (top, left, bottom, right)


def luma(image: Picture) -> Picture:
    """Return the picture's luma."""
    if image.mode == "L":
        return image
    return image.getchannel(0) if image.mode == "YCbCr" else image.convert("L")


def middle(image: Picture, side: int, *, coded: bool) -> UInt8s | None:
    """Return luma of the middle, aligned to the 8x8 block grid; None without luma of 8 bits.

    Parameters
    ----------
    side
        Most pixels of each side.
    coded
        Whether only stored luma is accepted, not luma computed from colours.

    Returns
    -------
    uint8 (height, width).
    """
    if image.mode not in ({"L", "YCbCr"} if coded else {"L", "LA", "P", "RGB", "RGBA"}):
        return None
    left, top = (max(size - side, 0) // 16 * 8 for size in image.size)
    right, bottom = min(left + side, image.width), min(top + side, image.height)
    return np.asarray(luma(image.crop((left, top, right, bottom))))


def transparency_varies(image: Picture) -> bool:
    """Return whether the transparency varies over the picture."""
    if not image.has_transparency_data or image.mode in _DEEP:
        return False
    low, high = 255, 0
    for strip in _strips(image, 1):
        alpha = np.asarray(_in_mode(strip, "RGBA").getchannel("A"))
        low, high = min(low, int(alpha.min())), max(high, int(alpha.max()))
    return low < high


def is_blank_at_its_end(image: Picture) -> bool:
    """Return whether the last rows may be missing, which Pillow leaves black or transparent."""
    # The last decoded row is one of the last two, interlaced or not.
    last = range(max(image.height - 2, 0), image.height)
    rows = (image.crop((0, row, image.width, row + 1)) for row in last)
    return not all(row.getbbox(alpha_only=False) for row in rows)


def without_empty_alpha(image: Picture) -> Picture:
    """Make a bitmap opaque if its alpha channel is all zeros."""
    empty = image.mode == "RGBA" and image.getchannel("A").getbbox() is None
    return image.convert("RGB") if empty else image


def shrunk(image: Picture, size: Size, box: FloatBox) -> Picture:
    """Resample a box to another size by a Hamming window."""
    whole = (0.0, 0.0, *map(float, image.size))
    if (size, tuple(map(float, box))) == (image.size, whole):
        return image
    return image.resize(size, Image.Resampling.HAMMING, box=box)


def digest(image: Picture, orientation: int) -> str:
    """Hash size and pixels of the upright picture: SHA-256, 64 hex digits.

    Palettes, grays and colours of 8 bits are compared by their red, green, blue and alpha. Wholly
    transparent pixels have no colour, unless the whole picture is transparent: then only its
    colours distinguish it from others. Any other mode, such as 16 bits or CMYK, equals only itself.
    """
    image = upright(image, orientation)
    mode = "RGBA" if image.mode in _PLAIN else image.mode
    found = hashlib.sha256(f"{mode} {image.width} {image.height} ".encode())
    hide = mode == "RGBA" and image.has_transparency_data and not _is_empty(image)
    for strip in _strips(image, 1):
        plain = _in_mode(strip, mode)
        if hide and strip.has_transparency_data:
            content = np.array(plain)
            # Four times as fast as indexing the transparent pixels.
            whole = content.view(np.uint32)
            np.multiply(whole, content[..., 3:] != 0, out=whole)
            found.update(content.data)
        else:
            found.update(plain.tobytes())
    return found.hexdigest()


def _is_empty(image: Picture) -> bool:
    """Return whether a picture is wholly transparent."""
    alphas = (_in_mode(strip, "RGBA").getchannel("A") for strip in _strips(image, 1))
    return all(alpha.getbbox() is None for alpha in alphas)


def reduced(
    image: Picture, factor: int, background: Background, *, whole: bool, native: bool = False
) -> tuple[Picture, Picture | None]:
    """Reduce a picture by `factor` to opaque 8 bits, by means of squares of pixels.

    Parameters
    ----------
    image
        Any mode.
    factor
        A whole number; 1 keeps the size.
    background
        Background of transparent pixels.
    whole
        Whether to return the grays at full size as well.
    native
        Keep the mode of the smaller picture, which must have no transparency and 8 bits.

    Returns
    -------
    The smaller picture, of mode L, RGB or YCbCr unless native, and the grays at full size or None.
    """
    plain = _plainer(image, background)
    rows = max(_STRIP // image.width // factor, 1) * factor
    if image.height <= rows:
        flat = plain(image)
        kept = image if native else flat
        return (kept.reduce(factor) if factor > 1 else kept), (luma(flat) if whole else None)
    size = (-(-image.width // factor), -(-image.height // factor))
    small, grays = None, Image.new("L", image.size) if whole else None
    for top, strip in zip(range(0, image.height, rows), _strips(image, factor), strict=True):
        flat = strip
        if grays is not None or not native:
            flat = plain(strip)
        if grays is not None:
            grays.paste(luma(flat), (0, top))
        flat = strip if native else flat
        small = Image.new(flat.mode, size) if small is None else small
        small.paste(flat.reduce(factor) if factor > 1 else flat, (0, top // factor))
    assert small is not None  # noqa: S101  there is a strip, since there is a row
    return small, grays


def _strips(image: Picture, factor: int) -> Iterator[Picture]:
    """Yield full-width strips of the picture, each a multiple of `factor` rows high."""
    rows = max(_STRIP // image.width // factor, 1) * factor
    if image.height <= rows:
        yield image
        return
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _plainer(image: Picture, background: Background) -> Callable[[Picture], Picture]:
    """Return the conversion of a mode to L, RGB or YCbCr."""
    if image.mode in _DEEP:
        return partial(_shallow, scale=_scale(image))
    if image.has_transparency_data:
        gray = image.mode in {"L", "LA", "La"}
        return partial(_composite, mode="LA" if gray else "RGBA", background=background)
    if image.mode in {"L", "RGB", "YCbCr"}:
        return lambda picture: picture
    if image.mode == "LAB":
        return lambda picture: picture.getchannel(0)
    mode = "L" if image.mode == "1" else "RGB"
    return lambda picture: picture.convert(mode)


def _composite(picture: Picture, mode: str, background: Background) -> Picture:
    opaque = Image.new(mode[:-1], picture.size, background)
    layer = _in_mode(picture, mode)
    opaque.paste(layer, mask=layer.getchannel("A"))
    return opaque


def _in_mode(picture: Picture, mode: str) -> Picture:
    """Convert to a mode; return the picture itself if it has that mode."""
    return picture if picture.mode == mode else picture.convert(mode)


def _scale(image: Picture) -> Scale:
    ranges = [depth.extremes(np.asarray(strip)) for strip in _strips(image, 1)]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return depth.scale_real(low, high) if image.mode == "F" else depth.scale_whole(low, high)


def _shallow(picture: Picture, scale: Scale) -> Picture:
    return Image.fromarray(depth.levels(np.asarray(picture), scale))
