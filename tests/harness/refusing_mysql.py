"""A MySQL that runs and answers, but refuses: each way is a context, mended at its end."""
import contextlib

import pymysql

from .mysql import MySQL
from .wait import wait_until


@contextlib.contextmanager
def _switched(server, *names):
    with contextlib.closing(server.connect("boss")) as boss, boss.cursor() as cursor:
        for name in names:
            cursor.execute(f"SET GLOBAL {name}=1")
        try:
            yield
        finally:
            for name in names:
                cursor.execute(f"SET GLOBAL {name}=0")


def read_only(server):
    return _switched(server, "read_only")


def super_read_only(server):
    """Nobody at all may write."""
    return _switched(server, "super_read_only", "read_only")


def offline_mode(server):
    """Only administrators may connect, all others were sent away."""
    return _switched(server, "offline_mode")


@contextlib.contextmanager
def out_of_connections(server):
    """Every session that the server allows is somebody else's."""
    held, quiet = [], 0

    def take_all(cursor):
        """Nobody else has had one for a while: who is being refused counts for a moment, too."""
        nonlocal quiet
        before = len(held)
        with contextlib.suppress(pymysql.err.Error):
            while True:
                held.append(server.connect())
        cursor.execute("SELECT ID FROM information_schema.PROCESSLIST "
                       "WHERE USER IN ('relevo','unauthenticated user')")
        others = set(cursor.fetchall()) - {(mine.thread_id(),) for mine in held}
        for (ident,) in others:
            with contextlib.suppress(pymysql.err.Error):  # it is gone
                cursor.execute(f"KILL {ident}")
        quiet = quiet + 1 if not others and len(held) == before else 0
        return quiet == 10
    with contextlib.closing(server.connect("boss")) as boss, boss.cursor() as cursor:
        cursor.execute("SELECT @@max_connections")
        ((limit,),) = cursor.fetchall()
        try:
            cursor.execute("SET GLOBAL max_connections=10")
            wait_until(lambda: take_all(cursor), 10, "every session is held")
            yield
        finally:
            cursor.execute(f"SET GLOBAL max_connections={limit}")
            for session in held:
                session.close()


WAYS = {way.__name__: way for way in (read_only, out_of_connections, super_read_only, offline_mode)}
MYSQL_ONLY = ("super_read_only", "offline_mode")


def ways():
    """Those that the server at hand knows."""
    return [way for name, way in WAYS.items() if MySQL.root or name not in MYSQL_ONLY]
