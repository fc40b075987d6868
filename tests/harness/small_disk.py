"""A disk of our own under a server's data, to run full: a tmpfs. Mounting takes root, or sudo."""
import os
import subprocess

from .wait import wait_until

_MiB = 1 << 20


class SmallDisk:
    """Holds the data of a server that does not run now, until `remove`. Data that was written
    meanwhile goes with it."""

    def __init__(self, server, size=192 * _MiB):
        self.server = server
        self.size = size
        self.data = server.data
        self.path = server.data + "-disk"
        os.makedirs(self.path)
        made = _as_root("mount", "-t", "tmpfs", "-o", f"size={size},mode=700,uid={os.geteuid()}",
                        "tmpfs", self.path)
        if made.returncode != 0:
            os.rmdir(self.path)
            raise OSError(f"cannot mount a tmpfs: {made.stderr.strip()}")
        subprocess.run(["cp", "-a", f"{self.data}/.", self.path], check=True)
        server.data = self.path

    def remove(self):
        """The server is stopped, and goes back to its data of before."""
        self.server.stop()
        self.server.data = self.data
        _as_root("umount", "--lazy", self.path)
        os.rmdir(self.path)

    def fill(self):
        """Not a byte is left. The server may write on between the look and the remount, which is
        refused then."""
        wait_until(lambda: self._resize(self._used()), 10, "the disk is full", pause=0)

    def free(self):
        """There is room again."""
        assert self._resize(self.size)

    def _used(self):
        disk = os.statvfs(self.path)
        return (disk.f_blocks - disk.f_bfree) * disk.f_frsize

    def _resize(self, size):
        return _as_root("mount", "-o", f"remount,size={size}", self.path).returncode == 0


def _as_root(*command):
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*rights, *command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
