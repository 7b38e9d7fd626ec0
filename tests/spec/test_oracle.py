"""The official SQL on FHIR cases through the interpreter that the compiled SQL is held against."""

from __future__ import annotations

import json

import pytest

from caremesh.errors import ViewError
from caremesh.fhir.oracle import interpret, parse_resource
from tests.spec.cases import Case, official_cases


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.file}: {c.title}") for c in official_cases()])
def test_official_case_through_the_interpreter(case: Case) -> None:
    resources = [parse_resource(json.dumps(r)) for r in case.resources]
    if case.expects_error:
        with pytest.raises(ViewError) as caught:
            interpret(json.dumps(case.view), resources, where="view.json")
        assert "not supported" not in str(caught.value)
    else:
        case.check(interpret(json.dumps(case.view), resources, where="view.json"))
