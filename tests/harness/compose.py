"""The system of docker-compose.yml, brought up by scripts/test-compose."""
import json
import os
import subprocess

from .client import Client
from .items import row_of
from .wait import wait_until

BACKENDS = 2  # replicas, as docker-compose.yml says


def output_of(*command, fails=False):
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    assert (done.returncode != 0) == fails, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class ApiTable:
    """The rows of MySQL as the API reads them there; what Crowd.check() asks of a system."""

    def __init__(self, api):
        self.api = api
        self.mysql = self

    def items(self):
        rows, after = {}, ""
        while after is not None:
            page = self._page(after)
            for shown in page.data:
                rows[shown["id"]] = (*row_of(shown), shown["version"])
            after = page.json()["next"]
        return rows

    def _page(self, after):
        """An instance may yet have to notice that MySQL is back: it is asked again."""
        def from_mysql():
            answer = self.api.get(f"/items?limit=1000{after and f'&after={after}'}",
                                  {"Cache-Control": "no-cache"})
            assert answer.status == 200, answer
            return answer if answer.json()["source"] == "MySQL" else None
        return wait_until(from_mysql, 10, "a page from MySQL", pause=0.1)


class Compose:
    def __init__(self):
        self.port = int(os.environ["RELEVO_COMPOSE_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = Client(self.port)
        self.tool = os.environ["RELEVO_COMPOSE"].split()

    def run(self, *arguments):
        return output_of(*self.tool, *arguments)

    def containers(self, service):
        return self.run("ps", "-q", service).split()

    @staticmethod
    def inspect(name):
        return json.loads(output_of("docker", "inspect", name))[0]

    def health_of(self, container):
        return self.inspect(container)["State"]["Health"]["Status"]

    def await_healthy(self, service, count=1):
        def healthy():
            found = self.containers(service)
            return len(found) == count and all(self.health_of(one) == "healthy" for one in found)
        wait_until(healthy, 90, f"{count} healthy {service}", pause=0.2)

    def health(self):
        return self.api.get("/health").json()

    def await_health(self, **wanted):
        """Of each instance, as each has to notice by itself; nginx asks now one, now another."""
        def shown():
            answers = [self.health() for _ in range(16)]
            return {one["hostname"]: {name: one.get(name) for name in wanted} for one in answers}
        wait_until(lambda: list(shown().values()) == [wanted] * BACKENDS, 60,
                   lambda: f"/health {wanted}, is {shown()}", pause=0.1)

    def await_synced(self):
        def synced():
            return self.api.get("/sync/status").json()["status"] == "synced"
        wait_until(synced, 60, lambda: f"{self.api.get('/sync/status')}", pause=0.1)
