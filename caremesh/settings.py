"""What one invocation works with: folders, target and limits. The command line fills it in; nothing else reads env."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Literal

from caremesh.errors import UsageError
from caremesh.id_spaces import IdSpaces, canonical_source, fault_of_name
from caremesh.places import Place, S3Place

Target = Literal["local", "aws"]
EngineChoice = Literal["duckdb", "athena", "auto"]

DEFAULT_MEMORY_LIMIT = "512MB"
"""Bound of DuckDB's buffers where none is given."""

_SIZE = re.compile(r"(?P<amount>[0-9]+(\.[0-9]+)?) ?(?P<unit>[KMGT]i?B)", re.IGNORECASE)


@dataclass(frozen=True)
class AwsSettings:
    """How a run works with AWS; credentials and addresses come from boto3's own chain.

    `region` None: the chain's. `query_output` is where Athena puts results; None: below the lake, at `athena/`.
    `bytes_limit` is how many bytes one query may scan. `kms_key` encrypts every object that is written (SSE-KMS); None:
    as the bucket says. `auto_bytes` is from which size of input `engine: auto` takes Athena. `price_per_tb` is Athena's
    price for 10^12 bytes scanned, in dollars (https://aws.amazon.com/athena/pricing/).
    """

    region: str | None = None
    work_group: str = "primary"
    query_output: str | None = None
    bytes_limit: int | None = None
    kms_key: str | None = None
    auto_bytes: int = 50_000_000_000
    scratch_bytes: int = 100_000_000_000
    price_per_tb: float = 5.0
    poll_seconds: float = 0.5


@dataclass(frozen=True)
class ExportSettings:
    """How exports are asked for, waited for and downloaded.

    HealthLake's limits drift (https://docs.aws.amazon.com/healthlake/latest/devguide/reference-healthlake-endpoints-quotas.html),
    so they are settings: jobs that run and that wait in line in one data store, starts and questions a second.
    A job is asked about after `poll_seconds`, then ever less often up to `poll_longest_seconds`, for `follow_seconds`
    in all. A request that fails is tried `attempts` times, with pauses that double from `retry_seconds`.
    `overlap_seconds` is how far before the last export the next one begins. `token` and `key_file` are never shown;
    `token_hosts` are those beside the server's own that a token may be sent to. `https_proxy` and `http_proxy` are
    asked for all hosts but those of `no_proxy` and this machine; `ca_file` holds the certificates that are trusted
    instead of the system's.
    """

    running_jobs: int = 1
    waiting_jobs: int = 25
    starts_per_second: float = 1.0
    questions_per_second: float = 10.0
    poll_seconds: float = 2.0
    poll_longest_seconds: float = 120.0
    follow_seconds: float = 7 * 86_400.0
    retry_seconds: float = 1.0
    attempts: int = 8
    parallel: int = 4
    overlap_seconds: float = 3_600.0
    lake_seconds: float = 900.0
    https_proxy: str | None = field(default=None, repr=False)
    http_proxy: str | None = field(default=None, repr=False)
    no_proxy: str | None = None
    ca_file: Path | None = None
    token: str | None = field(default=None, repr=False)
    token_hosts: tuple[str, ...] = ()
    client_id: str | None = None
    key_file: Path | None = field(default=None, repr=False)
    key_id: str | None = None
    scope: str = "system/*.rs"

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would ever be asked."""
        counts = {"RUNNING_JOBS": self.running_jobs, "ATTEMPTS": self.attempts, "PARALLEL": self.parallel}
        rates = {
            "STARTS_PER_SECOND": self.starts_per_second,
            "QUESTIONS_PER_SECOND": self.questions_per_second,
            "POLL_SECONDS": self.poll_seconds,
            "POLL_LONGEST_SECONDS": self.poll_longest_seconds,
            "FOLLOW_SECONDS": self.follow_seconds,
            "RETRY_SECONDS": self.retry_seconds,
        }
        patiences = {"OVERLAP_SECONDS": self.overlap_seconds, "LAKE_SECONDS": self.lake_seconds}
        for name, number in counts.items():
            if number < 1:
                raise UsageError(f"CAREMESH_…_{name} is {number}", hint="1 or more")
        for name, rate in rates.items():
            if not 0 < rate < inf:
                raise UsageError(f"CAREMESH_…_{name} is {rate}", hint="more than 0")
        for name, seconds in patiences.items():
            if not 0 <= seconds < inf:
                raise UsageError(f"CAREMESH_…_{name} is {seconds}", hint="0 or more")


@dataclass(frozen=True)
class Settings:
    """Places, target and limits of one invocation.

    `now` is the clock as the command line read it once (ISO 8601, UTC), `run_id` a name that no other run has:
    everything below is reproducible. `memory_limit` bounds DuckDB's buffers; the process needs some 200 MB beside them.
    `scratch` is the folder for work in progress where the lake itself is not a folder. `cache` is the folder for what
    saves work in later runs, and may be lost; None: nothing is kept. `source` is where exports come from that do not
    say it themselves, `id_spaces` what the project says of sources.
    """

    project: Path
    lake: Place
    now: str
    run_id: str
    landing: Place | None = None
    memory_limit: str = DEFAULT_MEMORY_LIMIT
    threads: int = 2
    engine: EngineChoice = "duckdb"
    scratch: Path | None = None
    cache: Path | None = None
    aws: AwsSettings = field(default_factory=AwsSettings)
    export: ExportSettings = field(default_factory=ExportSettings)
    source: str | None = None
    id_spaces: IdSpaces = field(default_factory=IdSpaces)

    def __post_init__(self) -> None:
        """Refuse a memory limit that DuckDB would not read, and a source that no export can have."""
        check_memory_limit(self.memory_limit)
        if self.source is not None:
            if fault := fault_of_name(self.source):
                raise UsageError(f"the source {fault}", hint="--source NAME, as short as hospital-a")
            object.__setattr__(self, "source", canonical_source(self.source))

    @property
    def reduced_memory_limit(self) -> str:
        """A third of the bound: Great Expectations and dbt take some 300 MB themselves beside DuckDB's buffers."""
        return f"{_bytes_of(self.memory_limit) / 3000:.0f}KB"

    @property
    def reduced_threads(self) -> int:
        """As many threads as the reduced bound has 64 MB for: with less, DuckDB runs out where a model reads much."""
        return max(1, min(self.threads, int(_bytes_of(self.memory_limit) / 3 // 64_000_000)))

    @property
    def target(self) -> Target:
        """Where the lake lives."""
        return "aws" if isinstance(self.lake, S3Place) else "local"

    @property
    def domains_dir(self) -> Path:
        """The folder of domains and their data products."""
        return self.project / "domains"

    @property
    def dbt_dir(self) -> Path:
        """The dbt project of the curated tables."""
        return self.project / "dbt_project"

    def command(self, words: str) -> str:
        """A command of ours on this lake, as it can be pasted into a shell."""
        return f"caremesh {words} --lake {shlex.quote(str(self.lake))}"

    @property
    def land_command(self) -> str:
        """The command that takes the landing zone in; where this run knows none, with a word in its place."""
        source = f" --source {shlex.quote(self.source)}" if self.source else ""
        return self.command(f"land --landing {shlex.quote(str(self.landing)) if self.landing else 'LANDING'}{source}")

    def forget_command(self, export: str) -> str:
        """The command that drops an export from the ledger."""
        return self.command(f"land --forget {shlex.quote(export)}")

    def require_landing(self) -> Place:
        """The landing zone; raise where none was given or it is not a folder."""
        if self.landing is None:
            raise UsageError(
                "no landing zone was given", hint="--landing DIR, or --landing s3://bucket/prefix, where the export is"
            )
        if isinstance(self.landing, Path) and not self.landing.is_dir():
            raise UsageError("the landing zone is not a folder", where=str(self.landing), hint="check the path")
        return self.landing


def check_memory_limit(text: str) -> None:
    """Refuse an amount of memory that DuckDB would not read."""
    if not _SIZE.fullmatch(text):
        raise UsageError(f"{text!r} is no amount of memory", hint="--memory-limit 512MB, or 4GB")


def _bytes_of(memory_limit: str) -> float:
    """An amount of memory in bytes; one that is not checked yet has none."""
    stated = _SIZE.fullmatch(memory_limit)
    if stated is None:
        return 0
    unit = stated["unit"].upper()
    return float(stated["amount"]) * float(1024 if "I" in unit else 1000) ** ("KMGT".index(unit[0]) + 1)


def project_root(explicit: Path | None) -> Path:
    """The folder with `domains/` and `dbt_project/`: as given, or the copy that came with this installation."""
    root = explicit or Path(__file__).resolve().parent.parent
    if not (root / "domains").is_dir():
        raise UsageError("there is no domains folder here", where=str(root), hint="give --project DIR")
    return root
