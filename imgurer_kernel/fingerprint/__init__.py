"""From the bytes of a picture to its `Fingerprint`: decode within limits, hash, draw the thumbnail.

This is the only package that opens image files (Pillow, pillow-heif). It has no access to a store,
and handles one picture at a time: `imgurer_kernel.matching` compares pictures.

Examples
--------
>>> from imgurer_kernel.fingerprint import fingerprint
"""

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.fingerprint.extract import ALGORITHM, fingerprint

__all__ = ["ALGORITHM", "Fingerprint", "fingerprint"]
