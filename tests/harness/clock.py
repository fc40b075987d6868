"""A wall clock that a test steps back and forth under a running daemon (stepped_clock.c; faketime
takes too long for a daemon under load). Monotonic time goes on as it is."""
import mmap
import os
import struct
import subprocess

_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stepped_clock.c")


def _library(folder):
    """The library to preload, made once in a folder."""
    path = os.path.join(folder, "stepped_clock.so")
    if not os.path.exists(path):
        subprocess.run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                        "-o", path, _SOURCE, "-ldl"], check=True)
    return path


class Clock:
    def __init__(self, folder, name):
        self.library = _library(folder)
        self.path = os.path.join(folder, f"{name}.clock")
        with open(self.path, "w+b") as file:
            file.write(bytes(8))
            file.flush()
            self._offset = mmap.mmap(file.fileno(), 8)
        self.offset_s = 0

    def step_to(self, offset_s):
        """So many seconds from the true time, at once."""
        self._offset[:] = struct.pack("q", round(offset_s * 1e6))
        self.offset_s = offset_s

    def environment(self):
        return {"LD_PRELOAD": self.library, "STEPPED_CLOCK": self.path}
