"""One child process: started with its output in a file, ended by pid."""
import ctypes
import os
import signal
import subprocess
import threading
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

# Debian has its servers, mariadbd and nginx, where only root's PATH leads.
if "/usr/sbin" not in os.environ["PATH"].split(":"):
    os.environ["PATH"] += ":/usr/sbin"


def die_with_parent():
    """And hear Ctrl-C, which a shell lets its background jobs ignore: the tests may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """Start it from the main thread only: it dies with the thread that started it."""

    def __init__(self, name, log_path):
        self.name = name
        self.log_path = log_path
        self.child = None
        self.paused = False

    def spawn(self, argv, env=None, cwd=None):
        assert threading.current_thread() is threading.main_thread()
        assert not self.running, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=env, cwd=cwd, preexec_fn=die_with_parent,
                                          start_new_session=True)
        self.paused = False

    @property
    def pid(self):
        return self.child.pid

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        os.kill(self.child.pid, number)

    def kill(self):
        """SIGKILL, and wait for the end."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.child.wait(timeout=30)
        self.paused = False

    def pause(self):
        """SIGSTOP; returns when every thread stands still."""
        self.signal(signal.SIGSTOP)
        self.paused = True
        deadline = time.monotonic() + 10
        while self._state() != "T" and time.monotonic() < deadline:
            time.sleep(0.002)

    def resume(self):
        if self.paused and self.running:
            self.signal(signal.SIGCONT)
        self.paused = False

    def terminate(self, timeout=10):
        """SIGTERM and the exit code; SIGKILL and None if it does not end in time."""
        if not self.running:
            return self.child.returncode if self.child else 0
        self.signal(signal.SIGTERM)
        self.resume()
        try:
            return self.child.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def _state(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=60):
        return "\n".join(self.log().splitlines()[-lines:])
