"""From the bytes of a picture to its `Fingerprint`: decode within limits, hash, draw the thumbnail.

This is the only package that opens image files (Pillow, pillow-heif). It knows no store and no
other picture: comparing pictures is for `imgurer_kernel.matching`.

Examples
--------
>>> from imgurer_kernel.fingerprint import fingerprint
"""

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.fingerprint.extract import ALGORITHM, fingerprint

__all__ = ["ALGORITHM", "Fingerprint", "fingerprint"]
