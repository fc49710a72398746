"""Which file systems keep a file's inode number."""

import os

from imgurer_kernel.store.ingest import file_systems
from imgurer_kernel.store.ingest.file_systems import has_stable_inodes

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 21 8:17 / /media/card rw,nosuid shared:2 master:3 - vfat /dev/sdb1 rw
37 21 0:52 / /home/ann/far rw - fuse.sshfs ben@far:/ rw
38 21 0:53 / /mnt rw - cifs //far/pictures rw
"""


def test_the_type_of_a_files_own_mount_decides(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(file_systems, "Path", lambda _: mounts)
    monkeypatch.setattr(file_systems, "_type_of", file_systems._type_of.__wrapped__)
    stable = {
        device: has_stable_inodes(os.makedev(*device))
        for device in ((8, 1), (8, 17), (0, 52), (0, 53), (9, 9))
    }
    assert stable == {(8, 1): True, (8, 17): False, (0, 52): False, (0, 53): False, (9, 9): True}
    assert has_stable_inodes(None)
    mounts.unlink()
    assert has_stable_inodes(os.makedev(8, 17)), "not Linux"
