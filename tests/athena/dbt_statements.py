"""The statements that dbt sends to Athena, as text that is the same for every build of the same project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient

_HEADER = re.compile(r"-- /\* (\{.*\}) \*/\n")
_UUID = re.compile(r"[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}")
_BYTES = re.compile(r'(?<="data_scanned_in_bytes":)\d+')
_HIVE_TABLE = re.compile(r"^(?:alter|drop) table (?:if exists )?`\w+`\.`(\w+)`")


@contextmanager
def listen_for_statements() -> Iterator[list[str]]:
    """Every statement that this process starts on Athena while the block runs, in the order they were sent."""
    statements: list[str] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def listen(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "StartQueryExecution":
            statements.append(arguments["QueryString"])
        return call(client, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", listen)
        yield statements


def normalise(statements: Sequence[str]) -> str:
    """The statements by node, those of one node in the order they were sent, without ids and bytes, which vary.

    dbt runs nodes side by side, so that the order between nodes is another one in each build. Its unit tests send the
    models again, with their rows in place of tables, and are left out.
    """
    by_node: dict[str, list[str]] = {}
    for statement in statements:
        by_node.setdefault(_node(statement), []).append(
            _BYTES.sub("<bytes>", _UUID.sub("<uuid>", _HEADER.sub("", statement)))
        )
    nodes = sorted(node for node in by_node if not node.startswith("unit_test."))
    return "\n".join(f"-- {node}\n{_tidy(text)};\n" for node in nodes for text in by_node[node])


def _node(statement: str) -> str:
    """The node that a statement belongs to, from dbt's comment; statements of Hive have none and name the table."""
    header = _HEADER.match(statement)
    if header:
        comment = json.loads(header[1])
        return str(comment.get("node_id") or comment["connection_name"])
    table = _HIVE_TABLE.match(statement)
    return f"model.caremesh.{table[1]}" if table else "no node"


def _tidy(statement: str) -> str:
    lines = (line.rstrip() for line in statement.strip().rstrip(";").splitlines())
    return "\n".join(line for line in lines if line)
