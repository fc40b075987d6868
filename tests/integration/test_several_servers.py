"""More than one server of a kind: the hosts of RELEVO_MYSQL_URL, Redis behind a sentinel."""
import os
import shutil

import pytest

from harness import Process, Redis, item, items_of, wait_until
from harness.folder import make_folder
from harness.ports import free_port


@pytest.fixture
def aside(system):
    """A folder for further servers, which end after the daemons."""
    folder, servers = make_folder("relevo-second-"), []
    yield folder, servers
    system.end_daemons(check=True)
    for server in servers:
        server.kill()
    shutil.rmtree(folder)


def test_a_mysql_host_that_is_read_only_is_skipped(system, aside):
    folder, servers = aside
    second = type(system.mysql)(folder)
    servers.append(second)
    second.start()
    system.mysql.admin("SET GLOBAL read_only=1")
    try:
        relevo = system.start(RELEVO_MYSQL_URL=f"mysql://relevo:relevo@127.0.0.1:{system.mysql.port},"
                                               f"127.0.0.1:{second.port}/relevo")
        assert relevo.api.post("/items", item(code="there")).status == 201
        assert second.codes() == ["there"]
    finally:
        system.mysql.admin("SET GLOBAL read_only=0")


class Sentinel(Process):
    """Watches `master` alone, and decides alone."""

    def __init__(self, folder, master):
        super().__init__("redis-sentinel", os.path.join(folder, "sentinel.log"))
        self.port = free_port()
        self.path = os.path.join(folder, "sentinel.conf")
        with open(self.path, "w", encoding="ascii") as conf:
            conf.write(f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
                       f"sentinel monitor group 127.0.0.1 {master.port} 1\n"
                       "sentinel down-after-milliseconds group 500\n"
                       "sentinel failover-timeout group 5000\n")

    def start(self):
        self.spawn(["redis-server", self.path, "--sentinel"])


def test_a_sentinel_leads_to_the_new_master(system, aside):
    """The master dies in an outage of MySQL; what waits is drained from the one that takes its place."""
    folder, servers = aside
    master, replica = (Redis(os.path.join(folder, name)) for name in ("one", "two"))
    sentinel = Sentinel(folder, master)
    servers += [sentinel, master, replica]
    master.start()
    replica.launch("--replicaof", "127.0.0.1", str(master.port))
    replica.await_ready()
    sentinel.start()
    wait_until(lambda: master.db.info("replication")["connected_slaves"] == 1, 10, "it is followed")
    relevo = system.start(RELEVO_REDIS_URL=f"redis+sentinel://127.0.0.1:{sentinel.port}/group/0")
    assert relevo.api.post("/items", item(code="online")).status == 201
    system.mysql_down()
    assert relevo.api.post("/items", item(code="waits")).status == 202
    wait_until(lambda: replica.db.llen("items:pending") == 1, 5, "the replica has it")
    master.kill()
    relevo.await_health(redis=False)
    relevo.await_health(timeout=30, redis=True)
    assert replica.db.role()[0] == b"master"
    assert relevo.api.post("/items", item(code="later")).status == 202
    system.mysql.start()
    wait_until(lambda: system.mysql.codes() == ["later", "online", "waits"], 10, "it is drained")
    # Whoever was the master comes back as a replica, and is not asked.
    master.start()
    wait_until(lambda: master.db.role()[0] == b"slave", 30, "it follows the new master")
    assert relevo.api.patch("/items/1", {"area": "there"}).status == 200
    assert sorted(shown["code"] for shown in items_of(relevo)) == ["later", "online", "waits"]
    assert relevo.health()["redis"]
