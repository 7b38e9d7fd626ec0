"""No dbt model holds SQL that DuckDB and Athena take differently, and each rule finds what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from caremesh.engines.dbt import compile_offline, write_project
from caremesh.products import Product
from scripts.sql_differences import RULES, find_differences
from tests.conftest import ROOT
from tests.measures.sql_examples import EXAMPLES, Example

MODELS = sorted((ROOT / "dbt_project" / "models").rglob("*.sql"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.rule)
def test_rule_finds_the_bad_spelling_and_takes_the_good_one(example: Example) -> None:
    assert [f.rule for f in find_differences(example.bad)] == [example.rule]
    assert list(find_differences(example.good)) == []


def test_every_rule_has_an_example() -> None:
    assert {e.rule for e in EXAMPLES} == {r.name for r in RULES}


def test_a_finding_names_the_line_that_it_stands_on() -> None:
    sql = "with\n\nstay as (\n    select * from {{ ref('stay') }}\n)\n\nselect\n    days / beds as value\nfrom stay"
    assert [(f.line, f.rule) for f in find_differences(sql)] == [(8, "integer division")]


@pytest.mark.parametrize(
    "sql",
    [
        "select {{ days_between('a', 'b') }} as value",
        "select sum({{ exact_decimal('amount') }}) as value",
        "{% if true %}\nselect '{{ var(\"as_of\") }}' as value\n{% endif %}",
        "select {{ first_of_month('x') }} / cast(2 as double) as value",
    ],
)
def test_what_a_macro_writes_is_taken_as_it_is(sql: str) -> None:
    assert list(find_differences(sql)) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_model_as_written_has_no_difference(model: Path) -> None:
    assert list(find_differences(model.read_text())) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_models_as_compiled_have_no_difference(products: Sequence[Product], tmp_path: Path) -> None:
    project = write_project(products, tmp_path / "dbt", project_dir=ROOT / "dbt_project")
    compiled = compile_offline(project, target="athena", env={})
    assert {name: list(find_differences(sql)) for name, sql in compiled.items()} == {m.stem: [] for m in MODELS}


def test_the_script_names_file_line_and_advice_and_fails(tmp_path: Path) -> None:
    model = tmp_path / "model.sql"
    model.write_text("select\n    concat(city, state) as place\nfrom patient\n")
    command = [sys.executable, "scripts/sql_differences.py", str(model)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout == f"{model}:2: concat: leaves nulls out on DuckDB, is null on Athena; use ||\n"
