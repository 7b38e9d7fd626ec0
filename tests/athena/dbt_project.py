"""The dbt project on the local Athena: the folder, the environment and the schemas of one test module's builds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyathena import connect
from pyathena.connection import Connection

from caremesh.engines.dbt import DbtResult, build, write_project
from caremesh.products import Product
from tests.athena.local_aws import LocalAws
from tests.conftest import ROOT
from tests.measures.product_tables import Row, create_products, publish_products


@dataclass(frozen=True)
class DbtOnAthena:
    """A work folder of dbt, and a bucket of its own; `schema` is where its curated tables go."""

    aws: LocalAws
    folder: Path
    products: Sequence[Product]
    bucket: str
    schema: str

    @property
    def project(self) -> Path:
        """The folder that dbt runs in."""
        return self.folder / "dbt"

    @property
    def env(self) -> dict[str, str]:
        """What profiles.yml and boto3 ask the environment for."""
        return {
            **self.aws.env(),
            "CAREMESH_ATHENA_STAGING": f"{self.bucket}/staging/",
            "CAREMESH_ATHENA_DATA": f"{self.bucket}/curated/",
            "CAREMESH_ATHENA_POLL_SECONDS": "0.05",
            "CAREMESH_CURATED_SCHEMA": self.schema,
            "CAREMESH_CURATED_WORK_SCHEMA": f"{self.schema}_work",
        }

    def publish(self, name: str, rows: Mapping[str, Sequence[Row]]) -> Path:
        """Make these rows the products' current ones; give the DuckDB file that holds the same."""
        (self.folder / name).mkdir()
        database = create_products(self.folder / name / "lake.duckdb", self.products, rows)
        publish_products(database, self.products, client=self.aws.client, place=f"{self.bucket}/products/{name}")
        return database

    def build(self, variables: Mapping[str, object], *, unit_tests: bool = False) -> DbtResult:
        """One `dbt build` in this process."""
        return build(self.project, target="athena", variables=variables, env=self.env, unit_tests=unit_tests)

    def connect(self) -> Connection[Any]:
        """A PyAthena connection."""
        return connect(
            s3_staging_dir=f"{self.bucket}/staging/",
            region_name="us-east-1",
            endpoint_url=self.aws.address,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            poll_interval=0.05,
        )

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a statement, as PyAthena gives them."""
        with self.connect() as connection:
            return rows_of(connection, sql)


def rows_of(connection: Connection[Any], sql: str) -> list[dict[str, Any]]:
    """Rows of a statement on an open connection."""
    cursor = connection.cursor().execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def dbt_on_athena(aws: LocalAws, folder: Path, products: Sequence[Product], *, name: str) -> Iterator[DbtOnAthena]:
    """Write the project, make the bucket `name`, and afterwards take every Glue database of it away."""
    write_project(products, folder / "dbt", project_dir=ROOT / "dbt_project")
    dbt = DbtOnAthena(aws, folder, products, aws.make_bucket(name), name.replace("-", "_"))
    with pytest.MonkeyPatch.context() as patch:
        for variable in [v for v in os.environ if v.startswith("AWS_")]:
            patch.delenv(variable)
        try:
            yield dbt
        finally:
            drop_databases(aws.client("glue"), {p.domain for p in products} | {dbt.schema, f"{dbt.schema}_work"})


def drop_databases(glue: Any, names: set[str]) -> None:
    """Remove these databases, and the tables in them, from Glue."""
    present = {d["Name"] for d in glue.get_databases()["DatabaseList"]}
    for name in sorted(names & present):
        for table in glue.get_tables(DatabaseName=name)["TableList"]:
            glue.delete_table(DatabaseName=name, Name=table["Name"])
        glue.delete_database(Name=name)
