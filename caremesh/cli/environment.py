"""Settings out of options and the environment."""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from caremesh.cli.project_file import read_id_spaces
from caremesh.errors import UsageError
from caremesh.id_spaces import IdSpaces
from caremesh.places import Place, S3Place, parse_place
from caremesh.settings import (
    DEFAULT_MEMORY_LIMIT,
    AwsSettings,
    EngineChoice,
    ExportSettings,
    Settings,
    Target,
    project_root,
)

if TYPE_CHECKING:
    from caremesh.lake.base import Lake

T = TypeVar("T")

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def make_settings(
    lake: str,
    *,
    project: Path | None = None,
    landing: str | None = None,
    target: Target | None = None,
    memory_limit: str = DEFAULT_MEMORY_LIMIT,
    threads: int = 2,
    engine: EngineChoice = "duckdb",
    needs_project: bool = True,
    source: str | None = None,
) -> Settings:
    """The settings of one invocation; raise UsageError where target and lake do not go together.

    What reads no products needs no project, and is not held up where there is none.
    """
    place = parse_place(lake)
    _refuse_other_target(place, target)
    home = project_root(project) if needs_project else Path()
    return Settings(
        project=home,
        lake=place,
        now=datetime.now(UTC).strftime(_TIME),
        landing=None if landing is None else parse_place(landing),
        memory_limit=memory_limit,
        threads=threads,
        engine=engine,
        run_id=uuid.uuid4().hex[:12],
        scratch=_scratch(place, os.environ),
        cache=_cache(os.environ),
        aws=read_aws(os.environ),
        export=read_export(os.environ),
        source=source,
        id_spaces=read_id_spaces(home) if needs_project else IdSpaces(),
    )


def open_present_lake(settings: Settings) -> Lake:
    """The lake that is there; raise LakeError where there is none."""
    from caremesh.aws import Aws
    from caremesh.lake.opening import open_lake

    opened = open_lake(settings, Aws(settings.aws))
    opened.require()
    return opened


def days_before(now: str, days: int) -> str:
    """The time so many days before, in the same form."""
    return (datetime.strptime(now, _TIME).replace(tzinfo=UTC) - timedelta(days=days)).strftime(_TIME)


def read_aws(env: Mapping[str, str]) -> AwsSettings:
    """What the environment says on how to work with AWS; boto3 reads credentials and addresses itself.

    A variable that is empty counts as one that is not set, as with the options of the command line.
    """
    default = AwsSettings()
    return AwsSettings(
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None,
        work_group=env.get("CAREMESH_ATHENA_WORK_GROUP") or default.work_group,
        query_output=env.get("CAREMESH_ATHENA_OUTPUT") or None,
        bytes_limit=_number(env, "CAREMESH_ATHENA_BYTES_LIMIT", int, default.bytes_limit),
        kms_key=env.get("CAREMESH_KMS_KEY") or None,
        auto_bytes=_number(env, "CAREMESH_AUTO_BYTES", int, default.auto_bytes),
        scratch_bytes=_number(env, "CAREMESH_SCRATCH_BYTES", int, default.scratch_bytes),
        price_per_tb=_number(env, "CAREMESH_ATHENA_PRICE_PER_TB", float, default.price_per_tb),
        poll_seconds=_number(env, "CAREMESH_ATHENA_POLL_SECONDS", float, default.poll_seconds),
    )


def read_export(env: Mapping[str, str]) -> ExportSettings:
    """What the environment says on how to ask for exports; a variable that is empty counts as one that is not set."""
    default = ExportSettings()
    key_file, ca_file = env.get("CAREMESH_EXPORT_KEY_FILE"), env.get("CAREMESH_EXPORT_CA_FILE")
    return ExportSettings(
        running_jobs=_number(env, "CAREMESH_HEALTHLAKE_RUNNING_JOBS", int, default.running_jobs),
        waiting_jobs=_number(env, "CAREMESH_HEALTHLAKE_WAITING_JOBS", int, default.waiting_jobs),
        starts_per_second=_number(env, "CAREMESH_HEALTHLAKE_STARTS_PER_SECOND", float, default.starts_per_second),
        questions_per_second=_number(
            env, "CAREMESH_HEALTHLAKE_QUESTIONS_PER_SECOND", float, default.questions_per_second
        ),
        poll_seconds=_number(env, "CAREMESH_EXPORT_POLL_SECONDS", float, default.poll_seconds),
        poll_longest_seconds=_number(env, "CAREMESH_EXPORT_POLL_LONGEST_SECONDS", float, default.poll_longest_seconds),
        follow_seconds=_number(env, "CAREMESH_EXPORT_FOLLOW_SECONDS", float, default.follow_seconds),
        retry_seconds=_number(env, "CAREMESH_EXPORT_RETRY_SECONDS", float, default.retry_seconds),
        attempts=_number(env, "CAREMESH_EXPORT_ATTEMPTS", int, default.attempts),
        parallel=_number(env, "CAREMESH_EXPORT_PARALLEL", int, default.parallel),
        overlap_seconds=_number(env, "CAREMESH_EXPORT_OVERLAP_SECONDS", float, default.overlap_seconds),
        lake_seconds=_number(env, "CAREMESH_EXPORT_LAKE_SECONDS", float, default.lake_seconds),
        https_proxy=env.get("HTTPS_PROXY") or env.get("https_proxy") or None,
        # In capitals it may be a header that a client sent to a web server, as https://httpoxy.org tells.
        http_proxy=env.get("http_proxy") or None,
        no_proxy=env.get("NO_PROXY") or env.get("no_proxy") or None,
        ca_file=Path(ca_file) if ca_file else None,
        token=env.get("CAREMESH_EXPORT_TOKEN") or None,
        token_hosts=tuple(
            h for h in map(str.strip, env.get("CAREMESH_EXPORT_TOKEN_HOSTS", "").lower().split(",")) if h
        ),
        client_id=env.get("CAREMESH_EXPORT_CLIENT_ID") or None,
        key_file=Path(key_file) if key_file else None,
        key_id=env.get("CAREMESH_EXPORT_KEY_ID") or None,
        scope=env.get("CAREMESH_EXPORT_SCOPE") or default.scope,
    )


def _number(env: Mapping[str, str], name: str, read: Callable[[str], T], default: T) -> T:
    stated = env.get(name)
    if not stated:
        return default
    try:
        return read(stated)
    except ValueError:
        raise UsageError(f"{name} is {stated!r}, which is no number", hint=f"export {name}=1000000000") from None


def _refuse_other_target(place: Place, target: Target | None) -> None:
    if target == "aws" and not isinstance(place, S3Place):
        raise UsageError(f"the lake of target aws is in S3, not in {place}", hint="--lake s3://bucket/prefix")
    if target == "local" and isinstance(place, S3Place):
        raise UsageError(f"the lake of target local is a folder, not {place}", hint="--lake DIR, or --target aws")


def _scratch(lake: Place, env: Mapping[str, str]) -> Path | None:
    """Where work in progress of a lake in S3 stands: one folder for each lake, below the user's cache."""
    if not isinstance(lake, S3Place):
        return None
    root = Path(env.get("CAREMESH_SCRATCH") or _cache(env) or Path(tempfile.gettempdir()) / "caremesh")
    return root / hashlib.sha256(str(lake).encode()).hexdigest()[:12]


def _cache(env: Mapping[str, str]) -> Path | None:
    """The user's cache; None where the user has no folder of their own, as others could write to any other one."""
    if stated := env.get("CAREMESH_CACHE"):
        return Path(stated)
    home = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else None)
    return Path(home) / "caremesh" if home else None
