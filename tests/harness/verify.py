"""scripts/verify-sync as a child, with the test's MySQL at the end of its two commands."""
import fcntl
import os
import subprocess
import termios

from .process import die_with_parent
from .wait import SLOW, wait_until

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "scripts", "verify-sync")


class VerifySync:
    """A command asks by a file and waits until it is gone: servers are started from the test's main
    thread alone."""

    def __init__(self, folder, url, *options, env=None, commands=True, stdin=subprocess.DEVNULL,
                 stdout=None, terminal=None):
        """`stdout`: a file descriptor, instead of what `output()` shows; `terminal`: that of a terminal
        that controls it and is all it reads and writes."""
        self.folder = str(folder)
        self.output_path = os.path.join(self.folder, "output")
        arguments = [SCRIPT, "--url", url, "--settle", str(1 * SLOW), *options]
        if commands:
            arguments += ["--stop-command", self._command("stop"),
                          "--start-command", self._command("start")]
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("RELEVO_", "LC_", "LANG"))}

        def prepare():
            die_with_parent()
            if terminal is not None:
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        with open(self.output_path, "wb") as output:
            streams = (stdin, stdout or output, output) if terminal is None else [terminal] * 3
            self.child = subprocess.Popen(arguments, env={**clean, **(env or {})}, preexec_fn=prepare,
                                          start_new_session=terminal is not None,
                                          **dict(zip(("stdin", "stdout", "stderr"), streams)))

    def _command(self, name):
        """It says something, as commands do, and minds whether that can be written."""
        path = self._ask_path(name)
        return f"echo {name} && touch '{path}' && while [ -e '{path}' ]; do sleep 0.02; done"

    def _ask_path(self, name):
        return os.path.join(self.folder, f"please-{name}")

    def output(self):
        with open(self.output_path, encoding="utf-8") as text:
            return text.read()

    def run(self, **asked):
        """Do what it asks for (`stop=`, `start=`) until it ends; its exit code."""
        def served():
            for name, action in asked.items():
                if os.path.exists(self._ask_path(name)):
                    action()
                    os.unlink(self._ask_path(name))
            return self.child.poll() is not None
        try:
            wait_until(served, 150, lambda: f"verify-sync ends:\n{self.output()}")
        finally:
            self.child.kill()
            self.child.wait()
        return self.child.returncode
