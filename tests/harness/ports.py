"""Free loopback ports below the range from which the kernel takes clients' ports, so that a port
of a stopped server is still free when it starts again."""
import os
import random
import socket

_WORKER = int("0" + "".join(c for c in os.environ.get("PYTEST_XDIST_WORKER", "") if c.isdigit()))
_FIRST, _SLICE = 12000, 1200
_next = random.randrange(_SLICE)


def free_port():
    global _next
    for _ in range(_SLICE):
        port = _FIRST + _SLICE * (_WORKER % 16) + _next
        _next = (_next + 1) % _SLICE
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
