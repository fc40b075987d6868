"""MySQL or MariaDB, Redis and any number of daemons, brought back to the first day between tests."""
import os
import shutil

from .folder import make_folder
from .mariadb import MariaDB
from .mysql import MySQL
from .redis_server import Redis
from .relevo import Relevo
from .small_disk import SmallDisk
from .wait import wait_until


class System:
    def __init__(self, on_disk=False):
        self.folder = make_folder("relevo-test-", on_disk)
        self.mysql = (MySQL if MySQL.root else MariaDB)(self.folder)
        self.redis = Redis(self.folder)
        self.disk = None  # of MySQL alone, if it has one
        self.daemons = []
        self._tests = 0

    # --- life cycle ---

    def use_small_disk(self):
        """MySQL gets one of its own, that can run full; OSError if this may not be. It does not run
        yet."""
        self.disk = SmallDisk(self.mysql)

    def start_servers(self):
        self.mysql.start()
        self.redis.start()

    def reset(self):
        """Servers running, empty, and no daemon."""
        self.end_daemons(check=False)
        self.mysql.resume()
        self.redis.resume()
        self.start_servers()
        self.redis.wipe()
        self.mysql.wipe()
        self._tests += 1
        os.makedirs(self.logs, exist_ok=True)

    @property
    def logs(self):
        return os.path.join(self.folder, f"test-{self._tests}")

    def finish(self):
        """After a test: the servers are let go first, so that the daemons can end in peace."""
        self.mysql.resume()
        self.redis.resume()
        self.end_daemons(check=True)

    def end_daemons(self, check):
        faults = []
        for daemon in self.daemons:
            daemon.let_through()
            try:
                if daemon.child is None:
                    continue
                if check:
                    daemon.resume()
                    daemon.stop()
                else:
                    daemon.kill()
            except AssertionError as fault:
                faults.append(str(fault))
        for daemon in self.daemons:
            daemon.drop_proxies()
        self.daemons = []
        assert not faults, "\n".join(faults)

    def close(self):
        self.end_daemons(check=False)
        for server in (self.mysql, self.redis):
            server.resume()
            server.stop()
        if self.disk:
            self.disk.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- daemons ---

    def daemon(self, name=None, clock=False, proxied=False, **env):
        """A further daemon, not started yet. Keyword arguments are RELEVO_ variables.
        `clock`: with a wall clock of its own; `proxied`: it reaches the servers through
        `daemon.mysql` and `daemon.redis`, proxies of its own."""
        name = name or "abcdefgh"[len(self.daemons)]
        daemon = Relevo(self.logs, name, self.mysql.url, self.redis.url, env)
        if clock:
            daemon.give_clock()
        if proxied:
            daemon.give_proxies(self.mysql.port, self.redis.port)
        self.daemons.append(daemon)
        return daemon

    def start(self, wait="online", name=None, **env):
        return self.daemon(name, **env).start(wait)

    # --- outages ---

    def mysql_down(self, kill=True):
        """MySQL gone, and every daemon knows it."""
        if kill:
            self.mysql.kill()
        else:
            self.mysql.stop()
        for daemon in self.daemons:
            if daemon.running and not daemon.paused:
                daemon.await_health(mysql=False)

    def redis_down(self):
        self.redis.kill()
        for daemon in self.daemons:
            if daemon.running and not daemon.paused:
                daemon.await_health(redis=False)

    def mysql_up(self, drained=True):
        self.mysql.start()
        self.await_up(drained)

    def redis_up(self, drained=True):
        self.redis.start()
        self.await_up(drained)

    def await_up(self, drained=True):
        for daemon in self.daemons:
            if daemon.running and not daemon.paused:
                daemon.await_health(mysql=True, redis=True)
        if drained:
            self.await_drained()

    def pending(self):
        """Operations in the three lists."""
        pipe = self.redis.db.pipeline()
        for name in ("items:pending", "items:pending_updates", "items:pending_deletes"):
            pipe.llen(name)
        return sum(pipe.execute())

    def await_empty_lists(self, timeout=15):
        wait_until(lambda: self.pending() == 0, timeout,
                   lambda: f"{self.pending()} operations still pending")

    def await_drained(self, timeout=15):
        self.await_empty_lists(timeout)
        for daemon in self.daemons:
            if daemon.running and not daemon.paused:
                daemon.await_health(timeout=min(timeout, 10), mode="online")
