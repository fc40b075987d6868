"""Fixtures of the integration and fault suites."""
import os
import random
import re

import pytest

import harness
from harness.openapi import judge
from history.run import Lie


@pytest.fixture(autouse=True)
def _answers_as_described():
    """Whoever asked, and in whatever thread: no answer was other than docs/openapi.json says."""
    judge.take_faults()
    yield
    faults = judge.take_faults()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def _servers():
    """One MySQL or MariaDB and one Redis for all tests of this process."""
    system = harness.System()
    try:
        yield system
    finally:
        system.close()
        harness.drop_templates()


@pytest.fixture
def system(_servers):
    """Both servers up and empty, no daemon yet; `system.start()` starts one."""
    _servers.reset()
    yield _servers
    _servers.finish()


@pytest.fixture
def relevo(system):
    """One daemon, online, on empty servers."""
    return system.start()


@pytest.fixture(scope="module")
def shared(_servers):
    """One daemon for a whole module of tests that do not care what is in the table. Not to be
    mixed with the fixtures above in one module."""
    _servers.reset()
    yield _servers.start()
    _servers.finish()


@pytest.fixture
def rng(request):
    """A random generator whose seed is shown when the test fails; RELEVO_TEST_SEED repeats it."""
    seed = int(os.environ.get("RELEVO_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"RELEVO_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the daemons' logs with a failure."""
    report = (yield).get_result()
    if call.excinfo and call.excinfo.errisinstance(Lie):
        report.user_properties.append(("final", True))
    if report.failed:
        system = item.funcargs.get("system") or item.funcargs.get("_servers")
        shared = item.funcargs.get("shared")
        for daemon in system.daemons if system else [shared] if shared else []:
            report.sections.append((f"log of {daemon.name}", daemon.log_tail()))


def pytest_sessionfinish(session):
    """Leave the counts for scripts/test, `passed failed`, and the tests that failed and may be run
    again, one a line."""
    path = os.environ.get("RELEVO_TEST_COUNTS")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if path and reporter and not hasattr(session.config, "workerinput"):
        failed = reporter.stats.get("failed", []) + reporter.stats.get("error", [])
        with open(path, "w", encoding="utf-8") as counts:
            counts.write(f"{len(reporter.stats.get('passed', []))} {len(failed)}\n")
            for node in sorted({report.nodeid for report in failed
                                if ("final", True) not in map(tuple, report.user_properties)}):
                # Without the group that xdist appends.
                name = session.config.cwd_relative_nodeid(re.sub(r"@\w+$", "", node))
                counts.write(f"{name}\n")
