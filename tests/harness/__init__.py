"""Real servers for the integration and fault tests: start, stop, kill, freeze, look inside."""
from . import refusing_mysql, refusing_redis
from .browser import DASHBOARD, Browser
from .checks import (assert_cache_exact, await_cache_exact, await_consistent, await_the_same,
                     cache_bytes, drained, expect_problem, items_of, pending_counts, sync_status)
from .client import Client, Response, raw_exchange
from .crowd import Crowd
from .items import DATE, FIELDS, ITEM_KEYS, item, item_key, row_of
from .listener import Event, Listener
from .mariadb import MariaDB
from .meddler import Meddle, Meddler
from .mysql import MySQL
from .nginx import Nginx
from .ports import free_port
from .process import Process
from .proxy import Proxy
from .redis_server import Redis
from .relevo import Relevo
from .sql_server import drop_templates
from .system import System
from .verify import VerifySync
from .wait import SLOW, wait_until

__all__ = [
    "Browser", "Client", "Crowd", "DASHBOARD", "DATE", "Event", "FIELDS", "ITEM_KEYS", "Listener",
    "MariaDB", "Meddle", "Meddler", "MySQL", "Nginx", "Process", "Proxy", "Redis", "Relevo", "Response",
    "SLOW", "System", "VerifySync", "assert_cache_exact", "await_cache_exact", "await_consistent",
    "await_the_same", "cache_bytes", "drained", "drop_templates", "expect_problem", "free_port", "item",
    "item_key", "items_of", "pending_counts", "raw_exchange", "refusing_mysql", "refusing_redis",
    "row_of", "sync_status", "wait_until",
]
