"""The part of Athena's API that describes catalogs, databases and tables, out of the local Glue.

https://docs.aws.amazon.com/athena/latest/APIReference/API_TableMetadata.html. A double: there is one catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.athena.calls import CATALOG
from tests.athena.gateway import ServiceError

Request = Mapping[str, Any]
Answer = dict[str, Any]


class Metadata:
    """Answers requests for metadata with a client of Glue."""

    def __init__(self, glue: Any) -> None:
        self._glue = glue
        self.operations: Mapping[str, Callable[[Request], Answer]] = {
            "GetDataCatalog": lambda request: {"DataCatalog": catalog(request["Name"])},
            "ListDataCatalogs": lambda _: {"DataCatalogsSummary": [{"CatalogName": CATALOG, "Type": "GLUE"}]},
            "GetDatabase": self._in_catalog(self._get_database),
            "ListDatabases": self._in_catalog(self._list_databases),
            "GetTableMetadata": self._in_catalog(self._get_table),
            "ListTableMetadata": self._in_catalog(self._list_tables),
        }

    def _in_catalog(self, answer: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def checked(request: Request) -> Answer:
            catalog(request["CatalogName"])
            try:
                return answer(request)
            except ClientError as error:
                raise ServiceError("MetadataException", error.response["Error"]["Message"]) from None

        return checked

    def _get_database(self, request: Request) -> Answer:
        found = self._glue.get_database(Name=request["DatabaseName"].lower())["Database"]
        return {"Database": keep(found, "Name", "Description", "Parameters")}

    def _list_databases(self, request: Request) -> Answer:
        pages = self._glue.get_paginator("get_databases").paginate()
        found = [keep(d, "Name", "Description", "Parameters") for page in pages for d in page["DatabaseList"]]
        return {"DatabaseList": found}

    def _get_table(self, request: Request) -> Answer:
        database, name = request["DatabaseName"].lower(), request["TableName"].lower()
        return {"TableMetadata": as_metadata(self._glue.get_table(DatabaseName=database, Name=name)["Table"])}

    def _list_tables(self, request: Request) -> Answer:
        options = {"Expression": request["Expression"]} if "Expression" in request else {}
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=request["DatabaseName"].lower(), **options)
        return {"TableMetadataList": [as_metadata(table) for page in pages for table in page["TableList"]]}


def catalog(name: str) -> Answer:
    """The one catalog, by its name in any case. Raises ServiceError."""
    if name.lower() != CATALOG.lower():
        raise ServiceError("InvalidRequestException", f"Data catalog {name} was not found")
    return {"Name": CATALOG, "Type": "GLUE"}


def as_metadata(table: Mapping[str, Any]) -> Answer:
    """A table of Glue as Athena describes it."""
    return {
        **keep(table, "Name", "TableType", "Parameters"),
        "Columns": [keep(c, "Name", "Type", "Comment") for c in table.get("StorageDescriptor", {}).get("Columns", [])],
        "PartitionKeys": [keep(c, "Name", "Type", "Comment") for c in table.get("PartitionKeys", [])],
    }


def keep(given: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Only these keys, as far as they are there."""
    return {key: given[key] for key in keys if key in given}
