"""Input of the pure search, as from a catalog, but without one."""

import hashlib
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.fingerprint.decode import read, to_gray
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.matching.clusters.pipeline import Images
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.spots import Spots, find_spots
from tests.support.copies import cropped, framed, picture, recoded
from tests.support.pictures import encode

TURNS = [None, *Image.Transpose]
"""What can be done to a file so that it is one of 8 orientations of what it was."""


def saved(image, kind="PNG"):
    return encode(image, kind)


class Shelf:
    """Named pictures with their fingerprints; `images` hands them out in any order."""

    def __init__(self, pictures):
        self.names = list(pictures)
        self.prints = [fingerprint(saved(image)) for image in pictures.values()]
        self.asked = []

    def __len__(self):
        return len(self.names)

    def images(self, order=None, informative=None):
        """Rows in this order; ids are 10, 20, ... in the order of rows, digests are of names."""
        order = list(range(len(self))) if order is None else list(order)
        self.order = order
        prints = [self.prints[k] for k in order]
        known = [found.informative for found in prints] if informative is None else informative
        return Images(
            image_ids=np.arange(len(order)) * 10 + 10,
            digests=[hashlib.sha256(self.names[k].encode()).hexdigest() for k in order],
            whole=np.array([found.dhash for found in prints], np.uint64).reshape(-1, 2),
            content=np.array([found.trimmed_dhash for found in prints], np.uint64).reshape(-1, 2),
            grays=self.grays,
            informative=np.array(known, bool),
        )

    def name(self, image_id):
        return self.names[self.order[image_id // 10 - 1]]

    def grays(self, image_ids):
        return self._pictures("grays", [self.order[k // 10 - 1] for k in image_ids], 9)

    def verification(self, image_ids):
        self.asked += image_ids.tolist()
        return self._pictures("verification", [self.order[k // 10 - 1] for k in image_ids], 64)

    def thumbnails(self, image_ids):
        chosen = [self.order[k // 10 - 1] for k in image_ids]
        return np.stack([to_gray(self.prints[k].thumbnail, 256) for k in chosen])

    def loaders(self):
        return PictureLoaders(self.verification, self.thumbnails)

    def spots(self, image_ids):
        found = Spots.empty(len(image_ids))
        for row, k in enumerate(self.order[k // 10 - 1] for k in image_ids):
            decoded = read(self.prints[k].thumbnail, colour=False, frame=THUMBNAIL)
            found.put(np.array([row]), find_spots(decoded.view().gray()))
        return found

    def _pictures(self, field, chosen, side):
        data = b"".join(getattr(self.prints[k], field) for k in chosen)
        return np.frombuffer(data, np.uint8).reshape(-1, side, side)


@cache
def families():
    """Five pictures with copies of four of them, a family by the first letter of its names."""
    wholes = [picture(seed) for seed in range(40, 45)]
    return Shelf(
        {
            "a": wholes[0],
            "a re-encoded": recoded(wholes[0]),
            "a cropped": cropped(wholes[0], 0.03, 0.02, 0.03, 0.02),
            "a small": wholes[0].resize((150, 110)),
            "b": wholes[1],
            "b framed": framed(wholes[1], 0.1, 0.15, 0.1, 0.15),
            "b mirrored": wholes[1].transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            "c": wholes[2],
            "c turned": wholes[2].transpose(Image.Transpose.ROTATE_90),
            "d": wholes[3],
            "d tilted": wholes[3].rotate(2, Image.Resampling.BICUBIC),
            "e": wholes[4],
        }
    )


@cache
def parts():
    """Two pictures with copies that only spots find, and strangers with one badge on all."""
    wholes = [picture(seed) for seed in (46, 47)]
    badge = picture(48).resize((120, 90))
    shelf = {}
    for letter, whole in zip("ab", wholes, strict=True):
        shelf |= {
            letter: whole,
            f"{letter} part": cropped(whole, 0.2, 0.12, 0.05, 0.14),
            f"{letter} turned": whole.rotate(7, Image.Resampling.BICUBIC),
        }
    for k in range(6):
        shelf[f"{k}"] = picture(60 + k)
        shelf[f"{k}"].paste(badge, (30 * k, 20 * k))
    return Shelf(shelf)


@cache
def pan():
    """72 frames of a camera that moves over a landscape, each near the next."""
    wide = Image.fromarray(np.concatenate([np.asarray(picture(s)) for s in (51, 52, 53)], axis=1))
    return Shelf({f"{k:02}": wide.crop((k * 9, 0, k * 9 + 360, 270)) for k in range(72)})


def with_other_pixels(found, seed):
    """The fingerprint of another picture under the same name."""
    random = np.random.default_rng(seed)
    grays = random.integers(0, 256, (9, 9), np.uint8)
    [hash_] = dhash_many(grays[None]).tolist()
    noise = random.integers(0, 256, 4096, np.uint8).tobytes()
    return replace(
        found,
        grays=grays.tobytes(),
        dhash=tuple(hash_),
        trimmed_dhash=tuple(hash_),
        verification=noise,
    )
