"""Single threads of a process, held still by ptrace(2): a hang that the process cannot see coming."""
import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
DETACH, SEIZE, INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # __WALL: waits for threads that are no children as well


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def threads(pid, name):
    """Ids of the threads whose name begins so."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as comm:
            if comm.read().startswith(name):
                found.append(int(thread))
    return found


class Frozen:
    """While it lasts, the threads of that name stand still and all others go on."""

    def __init__(self, pid, name):
        self.threads = threads(pid, name)
        assert self.threads, f"no thread {name}"
        self.held = []

    def __enter__(self):
        for thread in self.threads:
            _ptrace(SEIZE, thread)
            self.held.append(thread)
            _ptrace(INTERRUPT, thread)
            os.waitpid(thread, WALL)
        return self

    def __exit__(self, *_):
        for thread in self.held:
            _ptrace(DETACH, thread)
