"""A workbench that lives in memory: the surface that the panels use, without files or SQL.

Panels and their models are tested against it where the store itself is not the subject.
"""

import hashlib
import io
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd

from imgurer_kernel.common.records import Account
from imgurer_kernel.errors import (
    BlobMissing,
    ImageRejected,
    NotAllowed,
    UnknownImage,
    UnknownUser,
    UserExists,
)
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.fingerprint.hashes.dhash import hamming_many
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.matching.clusters.star_cover import star_clusters
from imgurer_kernel.report.frames import cluster_frame
from imgurer_kernel.review.keeper import keepers
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.users import Users

START = datetime(2026, 1, 1, tzinfo=UTC)
IMAGES = [
    "image_id", "digest", "dhash", "filename", "width", "height", "format", "frames", "bytes",
    "informative", "taken_at", "camera", "latitude", "longitude", "added_at", "holders",
    "algorithm",
]  # fmt: skip
SIMILAR = [
    "image_id", "distance", "orientation", "score", "verdict", "digest", "filename", "width",
    "height",
]  # fmt: skip
VERIFIED = 12
"""Bits up to which pictures count as verified to be the same."""
HOLDINGS = ["user", "image_id", "filename", "source", "bytes", "modified_ns", "brought_at"]


class QuickHasher:
    """Argon2 costs 50 ms by intention; nothing here depends on that."""

    def hash(self, password):
        return f"quick:{password}"

    def verify(self, stored, password):
        if stored != f"quick:{password}":
            from argon2.exceptions import VerifyMismatchError

            raise VerifyMismatchError
        return True

    def check_needs_rehash(self, stored):
        return False


class FakeCatalog:
    """The accounts' part of a catalog."""

    def __init__(self, workbench):
        self._workbench = workbench
        self._accounts, self._hashes = {}, {}

    def add_user(self, name, role, password_hash):
        if name in self._accounts:
            message = f"the name {name} is taken"
            raise UserExists(message)
        self._accounts[name] = Account(
            name=name, role=role, enabled=True, created_at=START, last_seen=None
        )
        self._hashes[name] = password_hash

    def account(self, name):
        if name not in self._accounts:
            message = f"there is no user {name!r}"
            raise UnknownUser(message)
        return self._accounts[name]

    def password_hash(self, name):
        return self._hashes[name]

    def set_password_hash(self, name, password_hash):
        self._hashes[name] = password_hash

    def set_role(self, name, role):
        self._change(name, role=role)

    def set_enabled(self, name, enabled):
        self._change(name, enabled=enabled)

    def touch_user(self, name):
        self._change(name, last_seen=START)

    def _change(self, name, **changes):
        from dataclasses import replace

        self._accounts[name] = replace(self.account(name), **changes)

    def accounts(self):
        held = self._workbench.holdings()
        rows = [
            {
                "name": account.name,
                "role": account.role,
                "enabled": account.enabled,
                "created_at": account.created_at,
                "last_seen": account.last_seen,
                "pictures": held.loc[held["user"] == account.name, "image_id"].nunique(),
                "bytes": int(held.loc[held["user"] == account.name, "bytes"].sum()),
            }
            for account in self._accounts.values()
        ]
        columns = ["name", "role", "enabled", "created_at", "last_seen", "pictures", "bytes"]
        return pd.DataFrame(rows, columns=columns)


class FakeWorkbench:
    """Takes in, searches, clusters; `broken` holds image_ids whose thumbnail is gone."""

    def __init__(self, root):
        self.settings = Settings(root=root)
        self.catalog = FakeCatalog(self)
        self.accounts = Users(self.catalog, hasher=QuickHasher())
        self.broken = set()
        self.calls = []
        self._rows, self._data, self._thumbnails, self._hashes = [], {}, {}, []
        self._holdings = []

    def upload(self, name, data, user=None):
        self.calls.append(("upload", name, user))
        owner = self._owner(user)
        data = data if isinstance(data, bytes) else data.read()
        digest = hashlib.sha256(data).hexdigest()
        row = {"source": f"upload:{name}", "status": "duplicate", "reason": "", "digest": digest}
        try:
            print_ = fingerprint(data)
        except ImageRejected as error:
            row |= {"status": "rejected", "reason": str(error), "image_id": pd.NA}
            return pd.DataFrame([row])
        known = {image["digest"]: image["image_id"] for image in self._rows}
        if digest not in known:
            row["status"] = "added"
            known[digest] = self._add(name, data, digest, print_)
        row["image_id"] = known[digest]
        self._holdings.append([owner, known[digest], name, f"upload:{name}", len(data), 0, START])
        return pd.DataFrame([row])

    def _add(self, name, data, digest, print_):
        image_id = len(self._hashes) + 1
        facts = print_.facts
        self._rows.append(
            {
                "image_id": image_id, "digest": digest, "dhash": print_.dhash_hex,
                "filename": name, "width": print_.width, "height": print_.height,
                "format": print_.format, "frames": print_.frames, "bytes": len(data),
                "informative": print_.informative, "taken_at": facts.taken_at,
                "camera": facts.camera, "latitude": facts.latitude,
                "longitude": facts.longitude, "added_at": START, "holders": 1,
                "algorithm": print_.algorithm,
            }
        )  # fmt: skip
        self._hashes.append(print_.dhash)
        self._data[image_id], self._thumbnails[image_id] = data, print_.thumbnail
        return image_id

    def _owner(self, user):
        return self.accounts.ensure_local().name if user is None else self.accounts.get(user).name

    def similar(self, query, radius=None, limit=None):
        self.calls.append(("similar", query if isinstance(query, int) else "data", radius))
        radius = self.settings.radius if radius is None else radius
        if isinstance(query, int | np.integer):
            self._known([query])
            sought = self._hashes[query - 1]
            digest = next(row["digest"] for row in self._rows if row["image_id"] == query)
        else:
            sought, digest = fingerprint(query).dhash, hashlib.sha256(query).hexdigest()
        images = self.images()
        hashes = np.array([self._hashes[i - 1] for i in images["image_id"]], np.uint64)
        distances = hamming_many(hashes.reshape(-1, 2), sought).astype(np.int64)
        near = distances <= radius
        same = images["digest"] == digest
        found = images.assign(
            distance=distances,
            orientation="upright",
            score=1 - distances / 128,
            verdict=np.select([same, distances <= VERIFIED], ["exact", "re-encoded"], "unverified"),
        )[near]
        found = found.sort_values(["distance", "image_id"], ignore_index=True)[SIMILAR]
        return found if limit is None else found.head(limit)

    def clusters(self, radius=None, verify=True, *, progress=True):
        self.calls.append(("clusters", radius))
        images = self.images()
        ids = images["image_id"].to_numpy(np.int64)
        hashes = np.array([self._hashes[i - 1] for i in ids], np.uint64).reshape(-1, 2)
        edges = [
            (ids[i], ids[j], int(d))
            for i in range(len(ids))
            for j, d in enumerate(hamming_many(hashes, tuple(map(int, hashes[i]))))
            if i < j and d <= (self.settings.radius if radius is None else radius)
        ]
        found = star_clusters(*np.array(edges, np.int64).reshape(-1, 3).T)
        labels = np.where(found.edges < 0, "medoid", "re-encoded").astype(object)
        if callable(progress):
            progress(len(ids), len(ids))
        within = np.ones(len(labels))
        frame = cluster_frame(
            LabelledClusters(found, labels, within, "every pair", 0), images, keepers
        )
        frame.attrs = {"plan": "every pair", "uninformative": 0}
        return frame

    def images(self, image_ids=None):
        frame = pd.DataFrame(self._rows, columns=IMAGES)
        frame["holders"] = [
            len({h[0] for h in self._holdings if h[1] == i}) for i in frame["image_id"]
        ]
        if image_ids is not None:
            frame = frame[frame["image_id"].isin(list(image_ids))]
        return frame.reset_index(drop=True)

    def browse(self, n=48, seed=None, order="random"):
        self.calls.append(("browse", n, seed, order))
        frame = self.images()
        if order == "random":
            ranks = np.random.default_rng(seed).permutation(len(frame))
            frame = frame.iloc[ranks]
        elif order == "newest":
            frame = frame.iloc[::-1]
        else:
            frame = frame.sort_values("bytes", ascending=False, kind="stable")
        return frame.head(n).reset_index(drop=True)

    def holdings(self, *, image_id=None, user=None):
        frame = pd.DataFrame(self._holdings, columns=HOLDINGS)
        if image_id is not None:
            frame = frame[frame["image_id"] == image_id]
        if user is not None:
            frame = frame[frame["user"] == user]
        return frame.reset_index(drop=True)

    def statistics(self):
        self.calls.append(("statistics",))
        images = self.images()
        return SimpleNamespace(
            images=len(images),
            holdings=len(self._holdings),
            users=len(self.catalog.accounts()),
            bytes=int(images["bytes"].sum()),
            uninformative=int((~images["informative"].astype(bool)).sum()),
        )

    def thumbnail(self, image_id):
        return self.thumbnails([image_id])[0]

    def thumbnails(self, image_ids):
        self._known(image_ids)
        for image_id in image_ids:
            if image_id in self.broken:
                message = f"no thumbnail of {image_id}"
                raise BlobMissing(message)
        return [self._thumbnails[image_id] for image_id in image_ids]

    def original(self, image_id):
        self._known([image_id])
        return io.BytesIO(self._data[image_id])

    def _known(self, image_ids):
        known = {row["image_id"] for row in self._rows}
        for image_id in image_ids:
            if image_id not in known:
                message = f"there is no image {image_id}"
                raise UnknownImage(message)

    def forget(self, image_id, user=None):
        self.calls.append(("forget", image_id, user))
        owner = self._owner(user)
        kept = [h for h in self._holdings if (h[0], h[1]) != (owner, image_id)]
        if len(kept) == len(self._holdings):
            message = f"{owner} holds no copy of image {image_id}"
            raise NotAllowed(message)
        self._holdings = kept
        if any(h[1] == image_id for h in kept):
            return False
        self._rows = [row for row in self._rows if row["image_id"] != image_id]
        return True
