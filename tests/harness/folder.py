"""Where the servers of the tests keep their data."""
import os
import shutil
import tempfile

_MEMORY = "/dev/shm"
_ENOUGH = 4 << 30  # bytes, for all test processes together


def _memory():
    """None where there is too little of it, or where TMPDIR says what to take."""
    if os.environ.get("TMPDIR") or not os.access(_MEMORY, os.W_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _ENOUGH else None


def make_folder(prefix, on_disk=False):
    """A new folder, in memory if there is room: several servers that sync every write to one disk
    hold each other up for longer than the daemons' time-outs, and so are both down at a time. A
    process that is killed loses no more there than on a disk."""
    return tempfile.mkdtemp(prefix=prefix, dir=None if on_disk else _memory())
