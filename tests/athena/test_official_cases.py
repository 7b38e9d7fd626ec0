"""The official SQL on FHIR cases, in Athena's SQL on a real Trino, over tables of lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import pytest
from trino.exceptions import TrinoUserError

from caremesh.errors import ViewError
from caremesh.fhir import ATHENA, compile_view, parse_view
from tests.athena.engine import Athena, Rows
from tests.spec.cases import Case, official_cases

pytestmark = pytest.mark.athena

CASES = list(official_cases())


@pytest.fixture(scope="module")
def table_of(athena: Athena) -> Callable[[Case], str]:
    """Give the table of a case's lines; cases of one file share one for each resource type."""

    @cache
    def create(file: str, resource: str, content: bytes) -> str:
        name = f"{file}_{resource}".lower().replace("/", "_").replace(".", "_")
        return athena.aws.create_line_table(name, {f"{resource}.ndjson": content})

    return lambda case: create(case.file, case.view["resource"], as_lines(case))


def as_lines(case: Case) -> bytes:
    return "".join(json.dumps(resource) + "\n" for resource in case.input).encode()


@pytest.mark.parametrize("case", CASES, ids=[f"{c.file}: {c.title}" for c in CASES])
def test_official_case_gives_the_official_rows(case: Case, athena: Athena, table_of: Callable[[Case], str]) -> None:
    def run() -> Rows:
        compiled = compile_view(parse_view(json.dumps(case.view), where="view.json"), ATHENA)
        return athena.run_table(compiled, table_of(case))

    if not case.expects_error:
        case.check(run())
        return
    with pytest.raises((ViewError, TrinoUserError)) as caught:
        run()
    if isinstance(caught.value, TrinoUserError):
        # Any other name would be SQL that Trino does not understand.
        assert caught.value.error_name == "INVALID_CAST_ARGUMENT"
    else:
        assert "not supported" not in str(caught.value)
