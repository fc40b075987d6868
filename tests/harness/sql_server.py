"""A MySQL-compatible server of our own: what MariaDB and MySQL have in common."""
import atexit
import contextlib
import os
import shutil
import subprocess

import pymysql
import pytest

from .folder import make_folder
from .ports import free_port
from .process import Process
from .wait import wait_until

_templates = {}


def drop_templates():
    for folder in _templates.values():
        shutil.rmtree(folder, ignore_errors=True)
    _templates.clear()


atexit.register(drop_templates)


def account():
    # root stays root: the data lies in a folder that only we may enter.
    return "root" if os.geteuid() == 0 else os.environ.get("USER", str(os.geteuid()))


class SqlServer(Process):
    """A flavour says what its program is called and how it makes a data folder and starts."""

    program = None
    without_tls = None  # the option

    def __init__(self, folder, options=()):
        super().__init__(self.program, os.path.join(folder, "mysql.log"))
        self.folder = folder
        self.data = os.path.join(folder, "mysql")
        self.port = free_port()
        self.options = list(options)
        shutil.copytree(self._template(), self.data)
        self.temporary = os.path.join(folder, "mysql-tmp")
        os.makedirs(self.temporary, exist_ok=True)
        self._init = os.path.join(folder, "init.sql")
        with open(self._init, "w", encoding="ascii") as init:
            init.write("CREATE DATABASE IF NOT EXISTS relevo CHARACTER SET utf8mb4;\n"
                       "CREATE USER IF NOT EXISTS relevo@'%' IDENTIFIED BY 'relevo';\n"
                       "GRANT ALL ON relevo.* TO relevo@'%';\n"
                       "CREATE USER IF NOT EXISTS boss@'%' IDENTIFIED BY 'boss';\n"
                       "GRANT ALL ON *.* TO boss@'%' WITH GRANT OPTION;\n")

    # --- what a flavour says ---

    @classmethod
    def install_command(cls, data):
        """Makes the data folder `data`; its parent folder is there and ours."""
        raise NotImplementedError

    def command(self):
        """Starts the server; the options of all flavours follow."""
        raise NotImplementedError

    # --- life cycle ---

    @classmethod
    def _template(cls):
        """A fresh data folder, made once per test process and copied for each server."""
        if cls not in _templates:
            folder = make_folder("relevo-mysql-template-")
            # A starting server clears its temporary folder, whoever else works there.
            made = subprocess.run(cls.install_command(f"{folder}/data"), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "TMPDIR": folder})
            if made.returncode != 0:
                shutil.rmtree(folder, ignore_errors=True)
                pytest.exit(f"no data folder for {cls.program}:\n{made.stdout}", returncode=3)
            _templates[cls] = folder
        return f"{_templates[cls]}/data"

    @property
    def url(self):
        return f"mysql://relevo:relevo@127.0.0.1:{self.port}/relevo"

    def launch(self, *extra):
        """Start without waiting."""
        self.spawn([*self.command(), f"--datadir={self.data}", f"--user={account()}",
                    f"--tmpdir={self.temporary}",
                    "--bind-address=127.0.0.1", f"--port={self.port}", "--socket=mysqld.sock",
                    "--pid-file=mysqld.pid", "--skip-log-bin", "--skip-name-resolve",
                    "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=1",
                    "--character-set-server=utf8mb4", "--performance-schema=OFF",
                    f"--init-file={self._init}", *self.options, *extra])

    def start(self, *extra):
        if not self.running:
            self.launch(*extra)
        self.await_ready()

    def await_ready(self):
        def accepts():
            assert self.running, f"{self.program} ended:\n{self.log_tail(20)}"
            return self.accepts()
        wait_until(accepts, 30, f"{self.program} accepts connections", pause=0.01)

    def accepts(self):
        """The application's account can connect."""
        try:
            self.connect().close()
            return True
        except pymysql.err.Error:
            return False

    def stop(self):
        """A clean shutdown."""
        self.terminate(timeout=30)

    def restart(self):
        self.stop()
        self.start()

    def connect(self, user="relevo", autocommit=True, timeout=2):
        # The application's password is its name; so is the administrator's.
        return pymysql.connect(host="127.0.0.1", port=self.port, user=user, password=user,
                               database="relevo", charset="utf8mb4", autocommit=autocommit,
                               connect_timeout=timeout, read_timeout=20,
                               init_command="SET time_zone='+00:00'")

    def sql(self, statement, args=None, user="relevo"):
        """Run one statement on a session of its own; all rows as tuples."""
        with contextlib.closing(self.connect(user)) as session, session.cursor() as cursor:
            cursor.execute(statement, args)
            return list(cursor.fetchall())

    def admin(self, statement, args=None):
        return self.sql(statement, args, user="boss")

    def items(self):
        """{id: (code, type, status, area, date or None, version)}"""
        rows = self.sql("SELECT id, code, type, status, area, acquisition_date, version FROM items")
        return {row[0]: (*row[1:5], str(row[5]) if row[5] is not None else None, row[6])
                for row in rows}

    def codes(self):
        return sorted(row[0] for row in self.sql("SELECT code FROM items"))

    def kill_sessions(self):
        """End every session of the application's account, those of the daemons and our own."""
        for (ident,) in self.admin("SELECT ID FROM information_schema.PROCESSLIST "
                                   "WHERE USER='relevo'"):
            with contextlib.suppress(pymysql.err.Error):  # it ended by itself
                self.admin(f"KILL {ident}")

    def wipe(self):
        """Drop every table, as on the first day."""
        self.kill_sessions()
        for (name,) in self.sql("SHOW TABLES"):
            self.sql(f"DROP TABLE `{name}`")
