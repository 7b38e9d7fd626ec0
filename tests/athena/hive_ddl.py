"""Athena's DDL, which is Hive's and not Trino's, as calls to Glue.

The grammar is that of https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html as far as it stands here;
anything else fails, as a statement that did nothing must not look as if it had succeeded. A double: not verified are
Athena's exact words in errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.athena.hive_partitions import add_partitions, drop_partitions, repair
from tests.athena.hive_words import HiveError, Words

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
TEXT = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    LAZY,
)
PARQUET = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
)
# Input format, output format and SerDe of what may follow `stored as`.
FORMATS = {"textfile": TEXT, "parquet": PARQUET}

TYPES = frozenset(
    {"boolean", "tinyint", "smallint", "int", "integer", "bigint", "double", "float", "real", "decimal", "char"}
    | {"varchar", "string", "binary", "date", "timestamp"}
)

TABLE_KEYS = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText")
TABLE_KEYS += ("ViewExpandedText", "TableType", "Parameters")


@dataclass(frozen=True)
class Target:
    """A table by the names of its database and its own."""

    database: str
    table: str


@dataclass(frozen=True)
class Hive:
    """Runs Hive DDL on the Glue and S3 of these clients, for a session in `database`."""

    glue: Any
    s3: Any
    database: str

    def run(self, sql: str) -> None:
        """Run one statement. Raises HiveError."""
        words = Words(sql)
        for start, action in ACTIONS.items():
            if words.accept(*start):
                try:
                    action(self, words)
                except ClientError as error:
                    raise HiveError(f"FAILED: {explain(error)}") from None
                return
        raise HiveError("FAILED: NOT_SUPPORTED: this statement is not supported by the local Athena")

    def create_database(self, words: Words) -> None:
        """`create database [if not exists] name [comment text] [location text] [with dbproperties (…)]`."""
        lenient = words.accept("if", "not", "exists")
        given: dict[str, Any] = {"Name": words.name()}
        if words.accept("comment"):
            given["Description"] = words.text()
        if words.accept("location"):
            given["LocationUri"] = words.text()
        if words.accept("with", "dbproperties"):
            given["Parameters"] = read_properties(words)
        words.end()
        try:
            self.glue.create_database(DatabaseInput=given)
        except self.glue.exceptions.AlreadyExistsException:
            if not lenient:
                raise HiveError(f"FAILED: SemanticException Database {given['Name']} already exists") from None

    def drop_database(self, words: Words) -> None:
        """`drop database [if exists] name [restrict | cascade]`."""
        lenient = words.accept("if", "exists")
        name = words.name()
        cascade = words.accept("cascade")
        if not cascade:
            words.accept("restrict")
        words.end()
        try:
            if not cascade and self.glue.get_tables(DatabaseName=name)["TableList"]:
                raise HiveError(f"FAILED: InvalidOperationException(message:Database {name} is not empty.)")
            self.glue.delete_database(Name=name)
        except self.glue.exceptions.EntityNotFoundException:
            if not lenient:
                raise HiveError(f"FAILED: SemanticException [Error 10072]: Database does not exist: {name}") from None

    def create_table(self, words: Words) -> None:
        """`create external table …` of text or Parquet files."""
        lenient = words.accept("if", "not", "exists")
        target = read_target(words, self.database)
        try:
            self.glue.create_table(DatabaseName=target.database, TableInput=read_table(words, target.table))
        except self.glue.exceptions.AlreadyExistsException:
            if not lenient:
                text = f"AlreadyExistsException(message:Table {target.table} already exists)"
                raise HiveError(f"FAILED: {text}") from None

    def drop_table(self, words: Words) -> None:
        """`drop table [if exists] name`: the entry goes, the files stay."""
        lenient = words.accept("if", "exists")
        target = read_target(words, self.database)
        words.end()
        try:
            self.glue.delete_table(DatabaseName=target.database, Name=target.table)
        except self.glue.exceptions.EntityNotFoundException:
            if not lenient:
                raise HiveError(f"FAILED: SemanticException [Error 10001]: Table not found {target.table}") from None

    def alter_table(self, words: Words) -> None:
        """`alter table name set tblproperties (…) | add partition … | drop partition …`.

        `rename to` is for Iceberg only (https://docs.aws.amazon.com/athena/latest/ug/unsupported-ddl.html).
        """
        target = read_target(words, self.database)
        table = self.glue.get_table(DatabaseName=target.database, Name=target.table)["Table"]
        if words.accept("set", "tblproperties"):
            parameters = {**table.get("Parameters", {}), **read_properties(words)}
            words.end()
            changed = {**as_input(table), "Parameters": parameters}
            self.glue.update_table(DatabaseName=target.database, TableInput=changed)
        elif words.accept("add"):
            add_partitions(self.glue, table, words)
        elif words.accept("drop"):
            drop_partitions(self.glue, table, words)
        else:
            raise words.refuse("NOT_SUPPORTED: this change of a table is not supported by the local Athena")

    def repair_table(self, words: Words) -> None:
        """`msck repair table name`: adds the partitions whose folders, as `key=value`, lie under the table's."""
        target = read_target(words, self.database)
        words.end()
        repair(self.glue, self.s3, self.glue.get_table(DatabaseName=target.database, Name=target.table)["Table"])


# The words that a statement starts with → what runs it.
ACTIONS: Mapping[tuple[str, ...], Callable[[Hive, Words], None]] = {
    ("create", "database"): Hive.create_database,
    ("create", "schema"): Hive.create_database,
    ("drop", "database"): Hive.drop_database,
    ("drop", "schema"): Hive.drop_database,
    ("create", "external", "table"): Hive.create_table,
    ("drop", "table"): Hive.drop_table,
    ("alter", "table"): Hive.alter_table,
    ("msck", "repair", "table"): Hive.repair_table,
}


def read_target(words: Words, database: str) -> Target:
    """Pass the name of a table, with or without those of its catalog and its database, which is `database` then."""
    names = [words.name()]
    while words.accept("."):
        names.append(words.name())
    if len(names) == 3 and names[0] == "awsdatacatalog":
        names = names[1:]
    if len(names) > 2:
        raise HiveError("FAILED: SemanticException: a table is named by its database and its own name")
    return Target(names[0] if len(names) == 2 else database, names[-1])


def as_input(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table of Glue as the input that would make it."""
    return {key: table[key] for key in TABLE_KEYS if key in table}


def explain(error: ClientError) -> str:
    """What Glue or S3 said, as Hive wraps it."""
    return f"{error.response['Error']['Code']}(message:{error.response['Error']['Message']})"


def read_table(words: Words, name: str) -> dict[str, Any]:
    """Pass what follows the name of a new table; give Glue's input for it."""
    columns = read_columns(words)
    table: dict[str, Any] = {"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": []}
    if words.accept("comment"):
        table["Description"] = words.text()
    if words.accept("partitioned", "by"):
        table["PartitionKeys"] = read_columns(words)
    serde, serde_properties = read_row_format(words)
    input_format, output_format, serde_of_format = read_stored_as(words)
    words.expect("location")
    location = words.text()
    if not location.startswith("s3://"):
        raise HiveError("FAILED: SemanticException: the location of a table is an s3:// path")
    parameters = read_properties(words) if words.accept("tblproperties") else {}
    words.end()
    if parameters.get("table_type", "").lower() == "iceberg":
        raise HiveError("FAILED: NOT_SUPPORTED: Iceberg is not supported by the local Athena")
    table["Parameters"] = {"EXTERNAL": "TRUE", **parameters}
    table["StorageDescriptor"] = {
        "Columns": columns,
        "Location": location,
        "InputFormat": input_format,
        "OutputFormat": output_format,
        "SerdeInfo": {
            "SerializationLibrary": serde or serde_of_format,
            "Parameters": serde_properties or {"serialization.format": "1"},
        },
    }
    return table


def read_row_format(words: Words) -> tuple[str | None, dict[str, str]]:
    """Pass `row format …`; give the class of the SerDe and its properties."""
    if not words.accept("row", "format"):
        return None, {}
    if words.accept("delimited"):
        properties = {}
        if words.accept("fields", "terminated", "by"):
            delimiter = words.text()
            properties = {"field.delim": delimiter, "serialization.format": delimiter}
        if words.accept("escaped", "by"):
            properties["escape.delim"] = words.text()
        if words.accept("lines", "terminated", "by"):
            properties["line.delim"] = words.text()
        return LAZY, properties
    words.expect("serde")
    serde = words.text()
    return serde, read_properties(words) if words.accept("with", "serdeproperties") else {}


def read_stored_as(words: Words) -> tuple[str, str, str]:
    """Pass `stored as …`; give input format, output format, and the SerDe that the format brings."""
    if not words.accept("stored", "as"):
        return TEXT
    if words.accept("inputformat"):
        input_format = words.text()
        words.expect("outputformat")
        return input_format, words.text(), LAZY
    name = words.name()
    if name not in FORMATS:
        raise HiveError("FAILED: NOT_SUPPORTED: this format is not supported by the local Athena")
    return FORMATS[name]


def read_columns(words: Words) -> list[dict[str, str]]:
    """Pass a list of columns in brackets."""
    columns = []
    words.expect("(")
    while True:
        column = {"Name": words.name(), "Type": read_type(words)}
        if words.accept("comment"):
            column["Comment"] = words.text()
        columns.append(column)
        if not words.accept(","):
            words.expect(")")
            return columns


def read_type(words: Words) -> str:
    """Pass a type; give it as Glue spells it, without blanks."""
    if words.accept("array"):
        words.expect("<")
        inner = read_type(words)
        words.expect(">")
        return f"array<{inner}>"
    if words.accept("map"):
        words.expect("<")
        key = read_type(words)
        words.expect(",")
        value = read_type(words)
        words.expect(">")
        return f"map<{key},{value}>"
    if words.accept("struct"):
        return f"struct<{','.join(read_fields(words))}>"
    name = words.name()
    if name not in TYPES:
        raise words.refuse("cannot recognize input: no such type", back=1)
    numbers = []
    if words.accept("("):
        numbers = [words.number()]
        if words.accept(","):
            numbers.append(words.number())
        words.expect(")")
    return f"{'int' if name == 'integer' else name}{'(' + ','.join(numbers) + ')' if numbers else ''}"


def read_fields(words: Words) -> list[str]:
    """Pass the fields of a struct."""
    fields = []
    words.expect("<")
    while True:
        name = words.name()
        words.expect(":")
        fields.append(f"{name}:{read_type(words)}")
        if not words.accept(","):
            words.expect(">")
            return fields


def read_properties(words: Words) -> dict[str, str]:
    """Pass `('key' = 'value', …)`."""
    properties = {}
    words.expect("(")
    while True:
        key = words.text()
        words.expect("=")
        properties[key] = words.text()
        if not words.accept(","):
            words.expect(")")
            return properties
