"""One daemon under test."""
import os
import signal

from .client import Client
from .clock import Clock
from .ports import free_port
from .process import Process
from .proxy import Proxy
from .wait import SLOW, wait_until

# What a sanitizer's report begins with.
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
           "WARNING: ThreadSanitizer", "ERROR: UndefinedBehaviorSanitizer")
DEFAULTS = {"RELEVO_PROBE_INTERVAL": "200ms", "RELEVO_SYNC_INTERVAL": "2s",
            "RELEVO_STOP_DELAY": "0s"}


def relevod_path():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.abspath(os.environ.get("RELEVOD") or os.path.join(root, "build", "relevod"))


def daemon_environment(env):
    """The test's own environment without RELEVO_ variables, then ours."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RELEVO")}
    clean["ASAN_OPTIONS"] = ("detect_leaks=1:exitcode=99:detect_stack_use_after_return=1:"
                             "verify_asan_link_order=0")
    clean["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1:exitcode=99"
    suppressions = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.supp")
    clean["TSAN_OPTIONS"] = f"exitcode=99:suppressions={suppressions}"
    return {**clean, **env}


class Relevo(Process):
    def __init__(self, folder, name, mysql_url, redis_url, env=None):
        super().__init__(name, os.path.join(folder, f"{name}.log"))
        self.port = free_port()
        self.folder = folder
        self.env = {**DEFAULTS, "RELEVO_LISTEN": f"127.0.0.1:{self.port}",
                    "RELEVO_MYSQL_URL": mysql_url, "RELEVO_REDIS_URL": redis_url,
                    "RELEVO_INSTANCE": name, **(env or {})}
        self.prefix = []  # of the command line
        self.api = Client(self.port)
        self.was_killed = False
        self.clock = None
        self.mysql = self.redis = None  # proxies of its own

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def give_clock(self):
        """A wall clock of its own, that a test may step. Before the start."""
        self.clock = Clock(self.folder, self.name)
        return self

    def give_proxies(self, mysql_port, redis_port):
        """Between it and the servers. Before the start."""
        self.mysql, self.redis = Proxy(mysql_port), Proxy(redis_port)
        self.env["RELEVO_MYSQL_URL"] = \
            f"mysql://relevo:relevo@127.0.0.1:{self.mysql.port}/relevo?tls=off"
        self.env["RELEVO_REDIS_URL"] = f"redis://127.0.0.1:{self.redis.port}/0"

    def let_through(self):
        for proxy in (self.mysql, self.redis):
            if proxy:
                proxy.up()

    def drop_proxies(self):
        for proxy in (self.mysql, self.redis):
            if proxy:
                proxy.stop()
        self.mysql = self.redis = None

    def start(self, wait="online", **env):
        """`wait`: online (both servers up), up (answers HTTP), or None."""
        self.env.update(env)
        clock = self.clock.environment() if self.clock else {}
        self.spawn([*self.prefix, relevod_path()],
                   env=daemon_environment({**self.env, **clock}))
        self.api = Client(self.port)
        self.was_killed = False
        if wait is not None:
            self.await_answer()
        if wait == "online":
            self.await_health(mysql=True, redis=True)
        return self

    def await_answer(self):
        def answers():
            assert self.running, f"{self.name} ended:\n{self.log_tail(30)}"
            try:
                return self.api.get("/health").status
            except OSError:
                return False
        wait_until(answers, 10, f"{self.name} answers", pause=0.01)

    def health(self):
        return self.api.get("/health").json()

    def await_health(self, timeout=10, **wanted):
        def reached():
            health = self.health()
            return all(health[key] == value for key, value in wanted.items())
        wait_until(reached, timeout, lambda: f"/health {wanted}, is {self.health()}", pause=0.01)

    def kill(self):
        self.was_killed = True
        super().kill()

    def stop(self):
        """SIGTERM; the exit has to be clean and in time, and no sanitizer may have spoken."""
        code = self.terminate(timeout=8 * SLOW)
        self.api.close()
        assert code is not None, f"{self.name} did not end after SIGTERM:\n{self.log_tail()}"
        if not self.was_killed:
            assert code == 0, f"{self.name} ended with {code}:\n{self.log_tail()}"
        self.check_log()

    def hang_up(self):
        self.signal(signal.SIGHUP)

    def check_log(self):
        text = self.log()
        for report in REPORTS:
            at = text.find(report)
            assert at < 0, f"{self.name}: sanitizer report\n{text[max(0, at - 200):at + 6000]}"

    def log_lines(self, *words):
        """The log's lines that hold every word."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]
