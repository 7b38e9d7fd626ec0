"""Candidates for the gate: rows with planted defects, as a Parquet file here and as a table of the local Athena."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.aws import Aws
from caremesh.products import Column, Product
from caremesh.settings import AwsSettings
from quality.candidate import AthenaCandidate
from tests.athena.calls import REGION

if TYPE_CHECKING:
    from tests.athena.local_aws import LocalAws

BUCKET = "gate"
DATABASE = "gate"
RESULTS = "results/"
MARKER = "Zachariah-1931"
"""Stands in every text of a candidate, so that it would be found where it must not be."""

Row = dict[str, Any]

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "varchar": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms"),
}
GLUE_TYPES = {
    "bool": "boolean",
    "int32": "int",
    "int64": "bigint",
    "date32[day]": "date",
    "timestamp[ms]": "timestamp",
    "decimal128(10, 2)": "decimal(10,2)",
}

# Rules that contracts state in SQL, counted in Python; a rule that is not here is only compared.
SCORES = ("entity_score", "concept_score")
SQL_RULES: Mapping[str, Callable[[Row], bool]] = {
    "encounter_ends_after_it_starts": lambda row: is_less(row["period_end_at"], row["period_start_at"]),
    "claim_total_is_not_negative": lambda row: is_less(row["total_amount"], 0),
    "score_is_a_share": lambda row: any(is_less(row[n], 0) or is_less(1, row[n]) for n in SCORES),
    "finding_names_its_document": lambda row: row["document_id"] is None and row["document_reference"] is None,
}


def is_less(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left < right


def arrow_schema(product: Product) -> pa.Schema:
    return pa.schema([(c.name, ARROW_TYPES[c.sql_type]) for c in product.columns])


def sound_rows(product: Product, count: int) -> list[Row]:
    """Rows that break no check."""
    return [{c.name: sound_value(product, c, number) for c in product.columns} for number in range(count)]


def defective_rows(product: Product, count: int) -> list[Row]:
    """Rows with every kind of defect, always the same ones: nulls, doubles, unknown values, turned periods."""
    chance = random.Random(7)
    rows = sound_rows(product, count)
    for row in rows:
        for column in product.columns:
            kind = chance.randrange(8)
            if kind == 0:
                row[column.name] = None
            elif kind == 1:
                row[column.name] = sound_value(product, column, 0)
            elif kind == 2:
                row[column.name] = odd_value(column, chance)
    return rows


def sound_value(product: Product, column: Column, number: int) -> Any:
    valid = [r.valid_values for r in product.rules if r.kind == "valid_values" and r.column == column.name]
    if valid:
        return valid[0][number % len(valid[0])]
    at = datetime(2024, 2, 28, 10, 20, 30, 500_000) + timedelta(minutes=number)
    values = {"varchar": f"{MARKER} {number}", "boolean": number % 2 == 0, "double": 1 / (number + 1)}
    return {**values, "date": at.date(), "timestamp": at}.get(column.sql_type, number)


def odd_value(column: Column, chance: random.Random) -> Any:
    number = chance.randrange(1, 9)
    odd = {"varchar": f"{MARKER}'s 100%:x", "boolean": False, "double": -number / 3, "date": date(1931, 1, number)}
    return {**odd, "timestamp": datetime(1931, 1, number)}.get(column.sql_type, -number)


def count_by_hand(product: Product, rows: Sequence[Row]) -> dict[str, int]:
    """Rows that break each check, counted in plain Python."""
    counts = {"primary_key": repeated(rows, product.key)}
    for column in product.columns:
        if column.required or column.name in product.key:
            counts[f"{column.name}_required"] = sum(row[column.name] is None for row in rows)
        if column.unique and product.key != (column.name,):
            counts[f"{column.name}_unique"] = repeated(rows, [column.name])
    for rule in product.rules:
        if rule.kind == "valid_values":
            found = [row[str(rule.column)] for row in rows]
            counts[rule.name] = sum(value is not None and value not in rule.valid_values for value in found)
        elif rule.kind == "sql":
            counts[rule.name] = sum(map(SQL_RULES[rule.name], rows))
    return counts


def repeated(rows: Iterable[Row], columns: Sequence[str]) -> int:
    values = Counter(tuple(row[name] for name in columns) for row in rows)
    return sum(n for value, n in values.items() if n > 1 and None not in value)


def write_file(file: Path, rows: Iterable[Row], schema: pa.Schema) -> Path:
    pq.write_table(pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in rows], schema=schema), file)
    return file


def put_table(aws: LocalAws, file: Path, *, stated: pa.Schema | None = None) -> AthenaCandidate:
    """Put a file into the lake as a table of its own; Glue states the file's columns, or those of `stated`."""
    number = len(aws.client("glue").get_tables(DatabaseName=DATABASE)["TableList"])
    name = f"{number}-candidate"  # a name that SQL has to quote
    aws.client("s3").upload_file(str(file), BUCKET, f"{name}/part-0")
    schema = stated or pq.read_schema(file)
    columns = [{"Name": f.name, "Type": GLUE_TYPES.get(str(f.type), str(f.type))} for f in schema]
    create_table(aws, name, columns, location=f"s3://{BUCKET}/{name}/")
    return candidate(name)


def candidate(table: str, **settings: Any) -> AthenaCandidate:
    aws = Aws(AwsSettings(region=REGION, poll_seconds=0.02, **settings))
    return AthenaCandidate(aws, DATABASE, table, output_location=f"s3://{BUCKET}/{RESULTS}{table}/")


def create_table(aws: LocalAws, name: str, columns: list[dict[str, str]], *, location: str, **more: Any) -> None:
    parquet = "org.apache.hadoop.hive.ql.io.parquet"
    storage = {
        "Columns": columns,
        "Location": location,
        "InputFormat": f"{parquet}.MapredParquetInputFormat",
        "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
    }
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, **more}
    aws.client("glue").create_table(DatabaseName=DATABASE, TableInput=table)
