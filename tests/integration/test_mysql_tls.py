"""?tls= of RELEVO_MYSQL_URL: off, preferred, required, verify; ?ca= names who is trusted."""
import os
import subprocess

import pytest

from harness import item, wait_until

# Whether it may go on, by what the URL says.
WITH_TLS = {"tls=off": False, "tls=preferred": True, "tls=required": True, "tls=required&ca=OURS": True,
            "tls=verify&ca=OURS": True, "tls=verify&ca=OTHER": False, "tls=verify": False}
WITHOUT_TLS = {"tls=off": True, "tls=preferred": True, "tls=required": False,
               "tls=required&ca=OURS": False, "tls=verify&ca=OURS": False}


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def make_authority(path):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={path.name}",
            "-keyout", f"{path}.key", "-out", f"{path}.pem")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """OURS and OTHER are authorities; OURS vouches that server.pem is localhost."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("OURS", "OTHER"):
        make_authority(folder / name)
    server, ours = folder / "server", folder / "OURS"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
            "-keyout", f"{server}.key", "-out", f"{server}.csr")
    extension = folder / "server.ext"
    extension.write_text("subjectAltName=DNS:localhost\n", encoding="ascii")
    openssl("x509", "-req", "-in", f"{server}.csr", "-CA", f"{ours}.pem", "-CAkey", f"{ours}.key",
            "-CAcreateserial", "-days", "2", "-extfile", extension, "-out", f"{server}.pem")
    return folder


@pytest.fixture
def restarted(system):
    """Start MySQL anew with options of its own; it is started as ever for the next test."""
    def restart(*options):
        system.mysql.stop()
        system.mysql.start(*options)
    yield restart
    system.mysql.stop()


def signs_in(system, certificates, query, user="relevo", host="localhost"):
    for name in ("OURS", "OTHER"):
        query = query.replace(f"ca={name}", f"ca={certificates / name}.pem")
    relevo = system.start(wait="up", RELEVO_MYSQL_URL=(
        f"mysql://{user}:relevo@{host}:{system.mysql.port}/relevo?{query}"))
    wait_until(lambda: relevo.log_lines("[MYSQL]"), 10, "it was tried")
    status = relevo.api.post("/items", item()).status
    assert status in (201, 202) and relevo.api.get("/health").json()["mysql"] == (status == 201)
    relevo.stop()
    return status == 201


def test_a_server_with_tls(system, restarted, certificates):
    restarted(f"--ssl-ca={certificates}/OURS.pem", f"--ssl-cert={certificates}/server.pem",
              f"--ssl-key={certificates}/server.key")
    system.mysql.admin("CREATE USER ciphered@'%' IDENTIFIED BY 'relevo' REQUIRE SSL")
    system.mysql.admin("GRANT ALL ON relevo.* TO ciphered@'%'")
    try:
        found = {query: signs_in(system, certificates, query, "ciphered") for query in WITH_TLS}
        assert found == WITH_TLS
        # Vouched for under another name.
        assert not signs_in(system, certificates, "tls=verify&ca=OURS", host="127.0.0.1")
    finally:
        system.mysql.admin("DROP USER ciphered@'%'")


def test_a_server_without_tls(system, restarted, certificates):
    restarted(system.mysql.without_tls)
    found = {query: signs_in(system, certificates, query) for query in WITHOUT_TLS}
    assert found == WITHOUT_TLS
