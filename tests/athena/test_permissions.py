"""The permissions that the deployment page lists are those that the stages need: no fewer, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from caremesh.demo import ExportPlan, write_export, write_increment
from tests.athena.calls import Call
from tests.athena.local_aws import LocalAws
from tests.athena.test_parity import forget_tables
from tests.conftest import ROOT, Result
from tests.scale import is_soak

pytestmark = [pytest.mark.athena, pytest.mark.timeout(1500)]

PAGE = ROOT / "docs" / "how-to" / "deploy.md"
LANDING, LAKE = "permissions-landing", "permissions-lake"
DOMAINS = ("clinical", "operations")


@dataclass(frozen=True)
class Permission:
    """One line of the page: what a stage may do, and on what."""

    stage: str
    action: str
    on: str
    when: str

    def __post_init__(self) -> None:
        """Refuse a mark that is none of those that the page tells of."""
        assert self.when in ("always", "on failure", "AWS only"), self

    def allows(self, call: Call) -> bool:
        """Whether a call is one that this line is about."""
        return self.action == call.action and any(fnmatchcase(call.resource, p) for p in self._patterns())

    def _patterns(self) -> Iterator[str]:
        lake, landing = f"arn:aws:s3:::{LAKE}", f"arn:aws:s3:::{LANDING}"
        glue = "arn:aws:glue:us-east-1:*:"
        plain = {
            "bucket of LAKE": [lake],
            "bucket of LANDING": [landing],
            "work group": ["arn:aws:athena:us-east-1:*:workgroup/primary"],
            "data catalog": ["arn:aws:athena:us-east-1:*:datacatalog/*"],
            "all databases": [f"{glue}catalog", f"{glue}database/[*]"],
            "anything": ["*"],
        }
        if self.on in plain:
            yield from plain[self.on]
        elif self.on.startswith("table "):
            database, table = self.on.removeprefix("table ").split(".")
            for name in DOMAINS if database == "DOMAIN" else (database,):
                yield from (f"{glue}catalog", f"{glue}database/{name}", f"{glue}table/{name}/{table}")
                yield f"{glue}userDefinedFunction/{name}/*"
        else:
            yield re.sub("^LANDING", landing, re.sub("^LAKE", f"{lake}/mesh", self.on))


def read_page() -> tuple[Permission, ...]:
    """The lines of the page's list; one that has another form would be passed over, and so is counted."""
    text = PAGE.read_text()
    rows = re.findall(r"^\| ([a-zA-Z ]+) \| (\w+:\w+) \| ([^|]+?) \| ([^|]+?) \|$", text, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\|[^|]*\| *\w+:\w+ *\|", text, re.MULTILINE))
    return tuple(Permission(*row) for row in rows)


def is_key(call: Call) -> bool:
    """Whether a call is one of the key's, which the page tells of in a sentence."""
    return call.action in ("kms:GenerateDataKey", "kms:Decrypt")


@pytest.fixture
def record(
    caremesh: Callable[..., Result], local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., list[Call]]]:
    """Runs one stage, and gives the calls that it made."""
    key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    variables = {"CAREMESH_ATHENA_POLL_SECONDS": "0.05", "CAREMESH_SCRATCH": str(tmp_path / "scratch")}
    for name, value in {**local_aws.env(), **variables, "CAREMESH_KMS_KEY": key}.items():
        monkeypatch.setenv(name, value)
    forget_tables(local_aws)
    for bucket in (LANDING, LAKE):
        local_aws.make_bucket(bucket)

    def run(stage: str, *arguments: str) -> list[Call]:
        local_aws.forget()
        result = caremesh(stage, *arguments, "--lake", f"s3://{LAKE}/mesh")
        assert result.exit_code in (0, 3), result.stderr
        return local_aws.recorded()

    yield run
    forget_tables(local_aws)


def land(local_aws: LocalAws, folder: Path) -> None:
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        local_aws.client("s3").upload_file(str(file), LANDING, file.relative_to(folder).as_posix())


def test_each_stage_calls_what_the_page_lists_and_nothing_else(
    record: Callable[..., list[Call]], local_aws: LocalAws, tmp_path: Path
) -> None:
    plan = ExportPlan(patients=12, seed=5, damaged_lines=6)
    write_export(plan, tmp_path / "landing")
    made: dict[str, list[Call]] = {}
    for sequence, engine in enumerate(("duckdb", "athena")):
        if sequence:
            write_increment(plan, tmp_path / "landing", sequence=sequence)
        land(local_aws, tmp_path / "landing")
        there = " in Athena" if engine == "athena" else ""
        made.setdefault("land", []).extend(record("land", "--landing", f"s3://{LANDING}"))
        made[f"flatten{there}"] = record("flatten", "--engine", engine)
        made[f"check{there}"] = record("check")
        # One build makes every kind of call that two make, and takes a minute.
        for stage in ("publish", *(("curate",) if sequence or is_soak() else ()), "register"):
            made.setdefault(stage, []).extend(record(stage))
    made["rollback"] = record("rollback", "clinical.patient")

    listed = read_page()
    missing, used = set(), set()
    for stage, calls in made.items():
        wider = stage.removesuffix(" in Athena")
        allowed = [p for p in listed if p.stage in ("all", stage, wider)]
        for call in (c for c in calls if not is_key(c)):
            found = [p for p in allowed if p.allows(call)]
            used.update(found)
            if not found:
                missing.add(f"{stage}: {call.action} on {call.resource}")
    unneeded = {f"{p.stage}: {p.action} on {p.on}" for p in set(listed) - used if p.when == "always"}
    assert not missing | unneeded, "\n".join(["not listed:", *sorted(missing), "not needed:", *sorted(unneeded)])
