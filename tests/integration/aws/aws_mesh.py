"""A small mesh whose lake and landing zone are in a bucket of their own, and readers who know nothing of our code."""

from __future__ import annotations

import gzip
import io
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.aws import Aws
from caremesh.lake.aws import AwsLake
from caremesh.lake.opening import open_lake
from caremesh.pipeline import STAGES, Stage, run
from caremesh.places import Place, S3Place
from caremesh.products import Product, find_domains, select_products
from caremesh.run_report import RunReport
from caremesh.settings import AwsSettings, Settings
from tests.athena.local_aws import REGION, LocalAws
from tests.conftest import NOW, SilentWatcher
from tests.integration.aws.watched_aws import WatchedAws

UNTIL_PUBLISHED: tuple[Stage, ...] = STAGES[:4]


@dataclass(frozen=True)
class AwsMesh:
    """A project on this machine, and in one bucket `landing/` and `lake/`."""

    local: LocalAws
    watched: WatchedAws
    bucket: str
    project: Path
    scratch: Path
    runs: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def place(self) -> S3Place:
        return S3Place(self.bucket, "lake")

    @property
    def landing(self) -> S3Place:
        return S3Place(self.bucket, "landing")

    def settings(self, landing: Place | None = None, **more: Any) -> Settings:
        """The settings of a run of its own."""
        made = Settings(
            project=self.project,
            lake=self.place,
            now=NOW,
            landing=landing or self.landing,
            run_id=f"run{next(self.runs):03}",
            scratch=self.scratch,
            aws=AwsSettings(region=REGION),
        )
        return replace(made, **more)

    def go(self, *stages: Stage, landing: Place | None = None, **more: Any) -> RunReport:
        """A run up to publish, or of these stages."""
        settings = self.settings(landing, **more)
        return run(settings, watcher=SilentWatcher(), command="test", stages=stages or UNTIL_PUBLISHED)

    def lake(self) -> AwsLake:
        """The lake as our code opens it."""
        settings = self.settings()
        lake = open_lake(settings, Aws(settings.aws))
        assert isinstance(lake, AwsLake)
        return lake

    def product(self, name: str = "clinical.patient") -> Product:
        return select_products(find_domains(self.project / "domains"), product=name)[0]

    # what is put there

    def put(self, key: str, content: bytes) -> None:
        """Write an object below the bucket."""
        self.local.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def export(self, name: str, resources: Iterable[dict[str, Any]]) -> None:
        """Write a file of the landing zone; gzipped where its name says so."""
        content = "".join(json.dumps(r) + "\n" for r in resources).encode()
        self.put(f"landing/{name}", gzip.compress(content) if name.endswith(".gz") else content)

    # what stands there

    def objects(self, below: str = "") -> list[str]:
        """The keys of the bucket that start so."""
        pages = self.local.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below)
        return [o["Key"] for page in pages for o in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        """The content of an object."""
        return bytes(self.local.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def table(self, name: str = "clinical.patient") -> dict[str, Any]:
        """A table as Glue has it."""
        database, table = name.split(".")
        return dict(self.local.client("glue").get_table(DatabaseName=database, Name=table)["Table"])

    def rows(self, name: str = "clinical.patient") -> pa.Table:
        """What a reader of Glue and S3 finds."""
        return self.read_folder(self.table(name)["StorageDescriptor"]["Location"])

    def read_folder(self, location: str) -> pa.Table:
        """All Parquet files below an address in this bucket; a folder without any is no table."""
        key = location.removeprefix(f"s3://{self.bucket}/")
        return pa.concat_tables(pq.read_table(io.BytesIO(self.read(k))) for k in self.objects(key))

    def patients(self) -> list[str]:
        """The ids of the patients that a reader finds."""
        return sorted(self.rows()["patient_id"].to_pylist())

    def moves(self, name: str = "clinical.patient") -> list[tuple[str, str]]:
        """The history of a product's pointer: action and release."""
        stated = json.loads(self.table(name)["Parameters"]["caremesh.pointer"])
        return [(m["action"], m["release"]) for m in stated["history"]]

    def quarantined(self) -> dict[tuple[str, str], list[int]]:
        """What `quarantine.lines` shows: product and release → numbers of lines."""
        found = self.local.client("glue").get_partitions(DatabaseName="quarantine", TableName="lines")["Partitions"]
        return {
            (p["Values"][0], p["Values"][1]): self.read_folder(p["StorageDescriptor"]["Location"])["line"].to_pylist()
            for p in found
        }

    def job(self, *stages: Stage, landing: str = "landing", scratch: str = "scratch") -> dict[str, Any]:
        """A run for a process of its own."""
        return {
            "project": str(self.project),
            "lake": str(self.place),
            "landing": f"s3://{self.bucket}/{landing}",
            "scratch": str(self.scratch.with_name(scratch)),
            "run_id": f"run{next(self.runs):03}",
            "now": NOW,
            "region": REGION,
            "stages": stages or UNTIL_PUBLISHED,
        }
