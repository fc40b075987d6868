"""What README.md tells to type works, and answers what it says. README.es.md has the same commands
(test_documents.py)."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pytest

from harness import free_port, wait_until
from harness.process import die_with_parent

from .blocks import TOP, commands

ADDRESS = "127.0.0.1:8001"
END = "-- end of a command:"
# As users other than root have it: the servers are in /usr/sbin.
PATH = ":".join(folder for folder in os.environ["PATH"].split(":") if not folder.endswith("sbin"))


def processes_with(text):
    """The command lines that hold a text."""
    lines = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if text in line]


@pytest.fixture
def running(tmp_path):
    """`scripts/run --demo 100` as the README starts it, but for its port and its folder. The address."""
    address = f"127.0.0.1:{free_port()}"
    log = tmp_path / "run.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO")}
    env |= {"RELEVO_LISTEN": address, "RELEVO_RUN_DIR": str(tmp_path / ".run"), "PATH": PATH}
    with log.open("w") as out:
        run = subprocess.Popen([TOP / "scripts" / "run", "--demo", "100"], env=env, stdout=out,
                               stderr=out, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        wait_until(lambda: run.poll() is not None or "relevo is running" in log.read_text(), 80,
                   lambda: f"scripts/run: {log.read_text()}")
        assert run.poll() is None, log.read_text()
        yield address
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(timeout=60)
    assert not (left := processes_with(str(tmp_path / ".run"))), f"left behind: {left}"
    assert run.returncode == 0, log.read_text()


class Shell:
    """One bash for all commands, as a terminal would be: variables stay."""

    def __init__(self, folder):
        self.bash = subprocess.Popen(["bash"], cwd=folder, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     env={**os.environ, "PATH": PATH}, preexec_fn=die_with_parent)

    def run(self, command):
        """Exit code and output."""
        self.bash.stdin.write(f"{command}\necho; echo '{END}' $?\n")
        self.bash.stdin.flush()
        output = ""
        for line in self.bash.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END)), output
            output += line
        raise AssertionError(f"the shell ended: {output}")

    def close(self):
        self.bash.stdin.close()
        self.bash.wait(timeout=10)


def test_the_commands_of_the_readme(running, tmp_path):
    (tmp_path / "scripts").symlink_to(TOP / "scripts")  # beside .run, as in the tree
    shell = Shell(tmp_path)
    try:
        for command, wanted in commands("README.md"):
            code, output = shell.run(command.replace(ADDRESS, running))
            assert code == 0, f"{command} ended with {code}: {output}"
            for piece in wanted:
                assert piece in output, f"{command}: no {piece} in {output}"
    finally:
        shell.close()
