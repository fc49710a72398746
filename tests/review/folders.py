"""Small folders and stores of duplicates, and their states."""

import os

from tests.support.pictures import encode, jpeg, scene

LARGE = jpeg(3, 320, 240)
SMALL = encode(scene(3, 160, 120))
"""The same picture as LARGE at half of its size."""
OTHER = jpeg(5, 160, 120)


def make_folder(folder):
    """A picture, its exact copy and a smaller one below it, and another picture."""
    (folder / "sub").mkdir(parents=True)
    files = {
        "a.jpg": LARGE,
        "sub/a-copy.jpg": LARGE,
        "sub/a-small.jpg": SMALL,
        "b.jpg": OTHER,
    }
    for second, (name, data) in enumerate(files.items(), 1_600_000_000):
        (folder / name).write_bytes(data)
        os.utime(folder / name, (second, second))
    return folder


IN_PLACE = {"store": "reference", "workers": 1}
"""Settings of stores that are filled by `ingest_folder`."""


def ingest_folder(wb):
    """The folder of `make_folder`, beside the store that refers to it."""
    wb.ingest(make_folder(wb.settings.root.parent / "in"), progress=False)
    wb.queue(progress=False)  # so that no test has to search and measure


def fill(wb):
    """Two users, each with the same picture at another size."""
    wb.accounts.create("ann", "a long password")
    wb.upload("large.jpg", LARGE)
    wb.upload("small.jpg", SMALL, "ann")


def bytes_below(folder, *, trash=True):
    """All files below a folder, by their path from there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and (trash or not name.startswith(".imgurer-trash")):
            found[name] = path.read_bytes()
    return found


def tidy(wb):
    """All that a store knows of files and pictures, without when it was last looked at."""
    files = wb.files().drop(columns=["last_seen"])
    images = wb.images()
    originals = []
    for image_id in images["image_id"].tolist():
        with wb.original(image_id) as file:
            originals.append(file.read())
    notes = {
        name: data
        for name, data in bytes_below(wb.settings.root).items()
        if name.startswith(("references", "links", "blobs", "thumbs"))
    }
    return str((files.to_dict("records"), images.to_dict("records"))), originals, notes
