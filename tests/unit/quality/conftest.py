"""A small product and candidates for it: visits, one row per line of a visit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caremesh.products import Column, Condition, Product, Rule

ARROW_SCHEMA = pa.schema(
    [
        ("visit_id", pa.string()),
        ("line_number", pa.int32()),
        ("status", pa.string()),
        ("badge", pa.string()),
        ("postcode", pa.string()),
        ("cost", pa.float64()),
        ("started_at", pa.timestamp("us")),
    ]
)

MakeProduct = Callable[..., Product]
WriteCandidate = Callable[..., Path]


def column(name: str, sql_type: Any, **stated: Any) -> Column:
    return Column(name=name, sql_type=sql_type, classification="administrative", description=f"The {name}.", **stated)


def at_most(number: int) -> tuple[Condition, ...]:
    return (Condition("mustBeLessOrEqualTo", (number,)),)


def at_least(number: int) -> tuple[Condition, ...]:
    return (Condition("mustBeGreaterOrEqualTo", (number,)),)


@pytest.fixture
def make_rule() -> Callable[..., Rule]:
    def make(name: str, kind: Any, column: str | None = None, **stated: Any) -> Rule:
        defaults: dict[str, Any] = {"severity": "critical", "description": ""}
        return Rule(name=name, kind=kind, column=column, **{**defaults, **stated})

    return make


@pytest.fixture
def make_product(tmp_path: Path) -> MakeProduct:
    """The visit product; its key is (visit_id, line_number), or visit_id alone where `compound` is false."""

    def make(rules: Iterable[Rule] = (), *, compound: bool = True) -> Product:
        return Product(
            domain="clinical",
            name="visit",
            version="1.0.0",
            title="Visit",
            purpose="For tests.",
            limitations="",
            description="One row per line of a visit.",
            grain="One row per line of a visit.",
            owner="owner@hospital.example",
            team="Visit team",
            columns=(
                column("visit_id", "varchar", required=True, key_position=1),
                column("line_number", "integer", key_position=2 if compound else None),
                column("status", "varchar", required=True),
                column("badge", "varchar", unique=True),
                column("postcode", "varchar"),
                column("cost", "double"),
                column("started_at", "timestamp"),
            ),
            rules=tuple(rules),
            folder=tmp_path,
            view_files=(),
            contract_digest="0" * 64,
        )

    return make


@pytest.fixture
def write_candidate(tmp_path: Path) -> WriteCandidate:
    """Write rows to one Parquet file; a row states only what differs from a sound one."""

    def write(rows: Iterable[dict[str, Any]], *, name: str = "data", schema: pa.Schema = ARROW_SCHEMA) -> Path:
        sound = {"line_number": 1, "status": "open", "postcode": "AB1", "cost": 1.0}
        stated = [{"visit_id": f"v{i}", "badge": f"b{i}", **sound, **row} for i, row in enumerate(rows)]
        table = pa.Table.from_pylist([{n: r.get(n) for n in schema.names} for r in stated], schema=schema)
        file = tmp_path / f"{name}.parquet"
        pq.write_table(table, file)
        return file

    return write
