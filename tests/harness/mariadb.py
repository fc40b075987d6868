"""A MariaDB of our own, from the packages of this machine."""
from .sql_server import SqlServer, account

# The smallest that it takes: every server of every test process has one.
_LOG_SIZE = "--innodb-log-file-size=8M"


class MariaDB(SqlServer):
    program = "mariadbd"
    without_tls = "--skip-ssl"

    @classmethod
    def install_command(cls, data):
        return ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
                "--skip-name-resolve", "--auth-root-authentication-method=normal",
                _LOG_SIZE, f"--user={account()}"]

    def command(self):
        return ["mariadbd", "--no-defaults", _LOG_SIZE]
