"""Encode pictures that exist in memory only, so that they are read like any file."""

import io

from PIL import Image

from imgurer_kernel.fingerprint.codecs.gate import gate


def encode_lossless(image: Image.Image) -> bytes:
    """Encode a Pillow image losslessly for `read`: pixels, transparency and orientation.

    Raises
    ------
    ImageRejected
        If the image is from a damaged file.
    """
    file = io.BytesIO()
    with gate(image.format or "picture", b""):
        # A copy: saving stores the encoder's settings in an image, which affect its next save.
        plain = image.copy()
        facts = image.getexif()
        if image.mode in {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}:
            plain.save(file, "PNG", exif=facts, compress_level=1)
        elif image.mode in {"CMYK", "F", "I", "LAB"}:
            plain.save(file, "TIFF", exif=facts)
        else:
            alpha = "LA" if image.mode == "La" else "RGBA"
            plain = plain.convert(alpha if image.has_transparency_data else "RGB")
            plain.save(file, "PNG", exif=facts, compress_level=1)
    return file.getvalue()
