"""Reads the shape of a candidate that Athena wrote: from Glue, from its files' footers, and by counting.

Glue says what Athena shows, the footers say what was written: a table whose files hold another type reads nulls or
fails later, and a local candidate would be judged by its files too. A footer is one small read at a file's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.parquet as pq

from caremesh.aws import error_code, telling_errors
from caremesh.aws.parquet_files import NoParquet, list_files, read_footer
from caremesh.errors import QualityError
from caremesh.products import Product
from quality.athena_engine import AthenaEngine
from quality.engine import EngineError, quiet
from quality.shape import FoundColumn, Shape, compare_shape, file_columns

_CONTRACT_NAMES = {"int": "integer", "string": "varchar"}
_MISSING = ("EntityNotFoundException", "NoSuchKey")
_HINT = "caremesh flatten again, then check: something removed or changed what was written"
_LOOK = "look the query up in the Athena console (history), which holds the whole message"


def read_athena_shape(product: Product, engine: AthenaEngine) -> Shape:
    """Compare the columns and types of the Glue table, and of each file under it, with the contract's.

    Raises QualityError where they cannot be read, and where Athena does not see the rows that the files hold; AwsError
    where AWS refuses to show them.
    """
    from botocore.exceptions import ClientError

    aws = engine.candidate.aws
    where = f"{engine.candidate.database}.{engine.candidate.table}"
    with telling_errors(), quiet():
        try:
            table = aws.client("glue").get_table(DatabaseName=engine.candidate.database, Name=engine.candidate.table)
            footers = list(_footers(aws.client("s3"), table["Table"]["StorageDescriptor"]["Location"]))
            rows = engine.count(f"select count(*) from {engine.table}")
        except ClientError as error:
            if error_code(error) not in _MISSING:
                raise
            raise QualityError(f"the candidate cannot be read: {error_code(error)}", where=where, hint=_HINT) from None
        except EngineError as error:
            words = f"Athena could not count the candidate's rows: {error}"
            raise QualityError(words, where=where, hint=_LOOK) from None
    written = sum(footer.num_rows for footer in footers)
    if rows != written:
        raise QualityError(f"Athena sees {rows:,} rows, its files hold {written:,}", where=where)
    return compare_shape(product, [_glue_columns(table["Table"]), *map(file_columns, footers)], rows=rows)


def _glue_columns(table: Mapping[str, Any]) -> tuple[FoundColumn, ...]:
    columns = (*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", ()))
    return tuple(FoundColumn(c["Name"], _CONTRACT_NAMES.get(c["Type"], c["Type"])) for c in columns)


def _footers(s3: Any, location: str) -> Iterator[pq.FileMetaData]:
    for file in list_files(s3, location):
        try:
            yield read_footer(s3, file)
        except NoParquet as broken:
            raise QualityError("cannot be read as a Parquet file", where=str(broken)) from None
