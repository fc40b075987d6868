"""A MySQL of our own, from a folder that holds it with all its libraries (see scripts/lib/unstable.sh)."""
import os

from .sql_server import SqlServer, account

_LOG_SIZE = "--innodb-redo-log-capacity=32M"


class MySQL(SqlServer):
    program = "mysqld"
    without_tls = "--tls-version="
    root = os.environ.get("RELEVO_TEST_MYSQL")

    @classmethod
    def _mysqld(cls):
        # By its own loader: the libraries of this machine are older ones.
        return [f"{cls.root}/lib64/ld-linux-x86-64.so.2",
                "--library-path", f"{cls.root}/usr/lib/x86_64-linux-gnu",
                f"{cls.root}/usr/sbin/mysqld", "--no-defaults", f"--basedir={cls.root}/usr",
                f"--plugin-dir={cls.root}/usr/lib/mysql/plugin", "--secure-file-priv=NULL",
                _LOG_SIZE]

    @classmethod
    def install_command(cls, data):
        return [*cls._mysqld(), "--initialize-insecure", f"--datadir={data}",
                f"--user={account()}"]

    def command(self):
        return [*self._mysqld(), "--mysqlx=OFF"]
