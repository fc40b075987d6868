"""How MySQL is stopped and started; that it did is for /health to say."""
import os
import signal
import subprocess
import sys
import tempfile

from api import Failed
from language import either
from report import say

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
COMMAND_S = 120
HUMAN_S = 600


class Commands:
    """Two command lines for the shell."""

    patience_s = None  # the caller's is enough

    def __init__(self, stop, start, folder=None):
        self._stop, self._start, self._folder = stop, start, folder

    def stop(self):
        self._run(self._stop)

    def start(self):
        self._run(self._start)

    def _run(self, command):
        """What it says goes through a file: that our own output is gone must not end it."""
        with tempfile.TemporaryFile() as output:
            try:
                self._run_into(output, command)
            finally:
                output.seek(0)
                if said := output.read().decode(errors="replace").rstrip("\n"):
                    say(said, sys.stderr)

    def _run_into(self, output, command):
        """In a session of its own: Ctrl-C does not cut it short, we wait for its end even then."""
        try:
            child = subprocess.Popen(["bash", "-c", command], cwd=self._folder, start_new_session=True,
                                     stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        except OSError as fault:
            raise Failed(f"{command}: {fault}") from fault
        try:
            code = child.wait(timeout=COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise Failed(either(f"`{command}` has not ended after {COMMAND_S} s",
                                f"`{command}` no terminó en {COMMAND_S} s")) from None
        except KeyboardInterrupt:
            child.wait(timeout=COMMAND_S)
            raise
        if code != 0:
            raise Failed(either(f"`{command}` ended with {code}", f"`{command}` terminó con {code}"))


def compose():
    """The service of docker-compose.yml, by whichever of the two programs is there."""
    tool = "${RELEVO_COMPOSE:-$(command -v docker-compose || echo docker compose)}"
    return Commands(f"{tool} stop mysql_db", f"{tool} start mysql_db", TOP)


def run_state(name):
    """A value of scripts/run's state file, or None."""
    folder = os.environ.get("RELEVO_RUN_DIR") or os.path.join(TOP, ".run")
    try:
        with open(os.path.join(folder, "state"), encoding="utf-8") as lines:
            values = dict(line.rstrip("\n").partition("=")[::2] for line in lines)
    except FileNotFoundError:
        return None
    return values.get(name)


def local():
    """The private server of scripts/run."""
    if run_state("MYSQL_PID") is None:
        raise ValueError(either("scripts/run does not run here with a MariaDB of its own",
                                "scripts/run no está en marcha aquí con una MariaDB propia"))
    servers = "set -eu; . scripts/lib/packages.sh; . scripts/lib/servers.sh;"
    return Commands(f"{servers} mysql_stop", f"{servers} mysql_start", TOP)


class Ask:
    """Whoever sits at the terminal."""

    patience_s = HUMAN_S

    def stop(self):
        self._ask(either("Please stop MySQL now", "Detenga MySQL ahora, por favor"))

    def start(self):
        self._ask(either("Please start MySQL now", "Inicie MySQL ahora, por favor"))

    @staticmethod
    def _ask(what):
        rest = either(f"I wait {HUMAN_S} s until /health says so",
                      f"se espera hasta {HUMAN_S} s a que /health lo confirme")
        say(f"\n>>> {what} ({rest}) ...\n")
