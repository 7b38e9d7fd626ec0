"""The gate judges a candidate in Athena as it judges the same file on this machine: equal verdicts, and counts only."""

from __future__ import annotations

import csv
import io
import logging
import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caremesh.errors import AwsError, ContractError, QualityError
from caremesh.products import Column, Condition, Product, Rule, find_domains
from quality.candidate import AthenaCandidate, AthenaQuery, LocalCandidate
from quality.gate import run_gate
from quality.pattern import spell_pattern
from quality.verdict import Verdict
from tests.athena import gate_candidates as made
from tests.athena.local_aws import LocalAws
from tests.conftest import ROOT
from tests.unit.quality.conftest import at_least, at_most
from tests.unit.quality.patterns import PATTERNS, TEXTS

pytestmark = pytest.mark.athena

PRODUCTS = [p for d in find_domains(ROOT / "domains") for p in d.products]
for_each_product = pytest.mark.parametrize("product", PRODUCTS, ids=[p.id for p in PRODUCTS])

COUNTS = (
    "select count(",
    "select sum(case ",
    'with known as (select "observation_id", "component_index" from (select *',
    "select 1 ",
    "explain (type validate) ",
    'with "observation" as (select * from (select *',
)
"""How each statement of the gate begins: it asks for counts, or for the number 1 to see that the table is there."""

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(E-?[0-9]+)?")
YES = "select count(*) = 8 from {object}"


@pytest.fixture
def aws(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    for name, value in local_aws.env().items():
        monkeypatch.setenv(name, value)
    if made.BUCKET not in [b["Name"] for b in local_aws.client("s3").list_buckets()["Buckets"]]:
        local_aws.make_bucket(made.BUCKET)
        local_aws.client("glue").create_database(DatabaseInput={"Name": made.DATABASE})
    return local_aws


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def failed_rows(verdict: Verdict) -> dict[str, Any]:
    return {r.check.name: r.measured for r in verdict.results if not r.passed}


def made_up(rules: list[Rule], **types: Any) -> Product:
    """A product whose columns are these, all free to be null."""
    columns = [Column(n, t, classification="clinical", description=n) for n, t in types.items()]
    key = Column("id", "bigint", classification="clinical", description="id", key_position=1)
    return replace(PRODUCTS[0], name="made", columns=(key, *columns), rules=tuple(rules))


def rule(name: str, kind: Any, column: str | None = None, **stated: Any) -> Rule:
    return Rule(name=name, kind=kind, column=column, **{"severity": "critical", "description": "", **stated})


def result_cells(aws: LocalAws, candidate: AthenaCandidate) -> tuple[set[str], list[str]]:
    """Ids of the queries that left a result in S3, and every cell of the results below their first line."""
    s3 = aws.client("s3")
    prefix = str(candidate.output_location).removeprefix(f"s3://{made.BUCKET}/")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=made.BUCKET, Prefix=prefix).get("Contents", [])]
    results = {key for key in keys if key.endswith((".csv", ".txt"))}
    texts = [s3.get_object(Bucket=made.BUCKET, Key=key)["Body"].read().decode() for key in results]
    cells = [cell for text in texts for row in list(csv.reader(io.StringIO(text)))[1:] for cell in row]
    return {key.rpartition("/")[2].partition(".")[0] for key in results}, cells


@for_each_product
def test_planted_defects_are_counted_alike_and_as_by_hand(product, aws, scratch, tmp_path):
    rows = made.defective_rows(product, 300)
    file = made.write_file(tmp_path / "data.parquet", rows, made.arrow_schema(product))

    verdict = run_gate(product, made.put_table(aws, file))

    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    by_hand = made.count_by_hand(product, rows)
    assert {r.check.name: r.measured for r in verdict.results if r.check.name in by_hand} == by_hand
    assert min(by_hand.values()) > 0
    assert (verdict.passed, verdict.rows) == (False, 300)


@for_each_product
def test_an_empty_table_breaks_nothing(product, aws, scratch, tmp_path):
    file = made.write_file(tmp_path / "data.parquet", [], made.arrow_schema(product))

    verdict = run_gate(product, made.put_table(aws, file))

    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    assert (verdict.passed, verdict.rows, failed_rows(verdict)) == (True, 0, {})


def misshapen(product: Product) -> dict[str, tuple[pa.Schema, str]]:
    """Schemas that are not the contract's, each with what is to be said of it."""
    sound, stated = made.arrow_schema(product), {c.name: c.sql_type for c in product.columns}
    first, second, last = sound.names[0], sound.names[1], sound.names[-1]
    typed = sound.set(0, pa.field(first, pa.decimal128(10, 2))).set(len(sound) - 1, pa.field(last, pa.bool_()))
    return {
        "missing": (sound.remove(0), f"missing: {first}"),
        "typed": (
            typed,
            f"{first} is decimal(10,2), the contract says {stated[first]}; "
            f"{last} is boolean, the contract says {stated[last]}",
        ),
        "added": (sound.append(pa.field("more", pa.float64())), "not in the contract: more"),
        "turned": (
            pa.schema([sound.field(1), sound.field(0), *list(sound)[2:]]),
            f"column 1 is {second}, the contract says {first}",
        ),
    }


@for_each_product
@pytest.mark.parametrize("kind", ["missing", "typed"])
def test_missing_and_mistyped_columns_are_named_alike(product, kind, aws, scratch, tmp_path):
    schema, words = misshapen(product)[kind]
    file = made.write_file(tmp_path / "data.parquet", [{}, {}], schema)

    verdict = run_gate(product, made.put_table(aws, file))

    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    assert ([r.detail for r in verdict.failures], verdict.rows) == ([words], 2)


@pytest.mark.parametrize("kind", ["missing", "typed", "added", "turned"])
def test_a_table_that_hides_what_its_file_holds_is_found_out(kind, aws, scratch, tmp_path):
    schema, words = misshapen(PRODUCTS[0])[kind]
    file = made.write_file(tmp_path / "data.parquet", [{}, {}], schema)

    verdict = run_gate(PRODUCTS[0], made.put_table(aws, file, stated=made.arrow_schema(PRODUCTS[0])))

    assert verdict == run_gate(PRODUCTS[0], LocalCandidate((file,), scratch))
    assert [r.detail for r in verdict.failures] == [words]


@for_each_product
def test_what_athena_itself_wrote_passes(product, aws, scratch, tmp_path):
    file = made.write_file(tmp_path / "data.parquet", made.sound_rows(product, 50), made.arrow_schema(product))
    source = made.put_table(aws, file)
    copied = f"copied_{product.name}"
    athena = aws.client("athena")
    started = athena.start_query_execution(
        QueryString=f"""create table {made.DATABASE}.{copied} with (format = 'PARQUET',
            external_location = 's3://{made.BUCKET}/{copied}/') as select * from "{made.DATABASE}"."{source.table}" """,
        ResultConfiguration={"OutputLocation": f"s3://{made.BUCKET}/other/"},
    )
    while (state := execution(athena, started)["Status"])["State"] in ("QUEUED", "RUNNING"):
        pass

    assert state["State"] == "SUCCEEDED", state
    verdict = run_gate(product, made.candidate(copied))
    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    assert (verdict.passed, verdict.rows, failed_rows(verdict)) == (True, 50, {})


def execution(athena: Any, started: Any) -> Any:
    return athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]


def test_a_spelled_pattern_matches_the_same_texts_on_both_engines(athena):
    texts = ", ".join(f"({unicode_literal(text)})" for text in TEXTS)
    spelled = [spell_pattern(pattern) for pattern in PATTERNS]
    matches = [f"regexp_like(text, {unicode_literal(p)}) as p{i}" for i, p in enumerate(spelled)]

    rows = athena.query(f"select text, {', '.join(matches)} from (values {texts}) as t(text)")

    with duckdb.connect() as connection:
        for row in rows:
            asked = [[row["text"], pattern] for pattern in PATTERNS]
            expected = [connection.execute("select regexp_matches($1, $2)", a).fetchone() for a in asked]
            assert [row[f"p{i}"] for i in range(len(PATTERNS))] == [match for (match,) in expected]


def unicode_literal(text: str) -> str:
    return "U&'" + "".join(f"\\+{ord(character):06x}" for character in text) + "'"


def test_pattern_rules_are_judged_alike(aws, scratch, tmp_path):
    # AB1 | AB1, line break | a, vertical tab | &% | 100 %
    broken = {"^AB[0-9]$": 4, r"^\w+\s?$": 3, "[a&&b]": 3, "'": 5, "^.+%$": 3}
    product = made_up([rule(p, "pattern", "text", pattern=p) for p in broken], text="varchar")
    texts = ["AB1", "AB1\n", "a\x0b", "&%", "100 %", None]
    rows = [{"id": i, "text": text} for i, text in enumerate(texts)]
    file = made.write_file(tmp_path / "data.parquet", rows, made.arrow_schema(product))

    verdict = run_gate(product, made.put_table(aws, file))

    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    assert failed_rows(verdict) == broken


def test_values_of_every_type_are_read_alike(aws, scratch, tmp_path):
    stated = {
        "text": ("varchar", ["it's 100%:x", "{a}"], ["it's 100%:x", "{a}", "{A}"]),
        "yes": ("boolean", ["true"], [True, True, False]),
        "small": ("integer", ["1", "-2"], [1, -2, 3]),
        "large": ("bigint", ["9007199254740993"], [9007199254740993, 9007199254740993, 9007199254740992]),
        "real": ("double", ["0.1", "1e-7"], [0.1, 1e-7, 0.10000000000000002]),
        "day": ("date", ["2024-02-29"], [date(2024, 2, 29), date(2024, 2, 29), date(2024, 3, 1)]),
        "moment": (
            "timestamp",
            ["2024-02-29 10:20:30.5"],
            [datetime(2024, 2, 29, 10, 20, 30, 500_000)] * 2 + [datetime(2024, 3, 1)],
        ),
    }
    rules = [rule(f"{c}_valid", "valid_values", c, valid_values=tuple(v)) for c, (_, v, _) in stated.items()]
    product = made_up(rules, **{name: sql_type for name, (sql_type, _, _) in stated.items()})
    rows = [{"id": i, **{c: v[i] for c, (_, _, v) in stated.items()}} for i in range(3)]
    file = made.write_file(tmp_path / "data.parquet", [*rows, {"id": 4}], made.arrow_schema(product))

    verdict = run_gate(product, made.put_table(aws, file))

    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    assert failed_rows(verdict) == {f"{column}_valid": 1 for column in stated}


def test_rules_in_sql_run_as_they_are_written_and_count_without_end(aws, scratch, tmp_path):
    numbers = {
        "select count(*) from {object} as o where o.cost < 0; ": 1,
        "select count(*) from {object} where made.cost < 0 -- a comment": 1,
        "select count(*) from {object} where text like 'a:%' or text = '{b}' or moment > timestamp '2020-01-01 1:2'": 3,
        "select count({property}) - count(distinct {property}) from {object}": 2,
        "select 3000000000 + count(*) from {object}": 3_000_000_005,
        "select 0.5": 0.5,
        "select -3": -3,
        "select null": None,
        "select sum(cost) from {object} where cost > 99": None,
    }
    rules = [rule(query, "sql", "cost", query=query) for query in numbers]
    rules += [rule("enough", "row_count", conditions=at_least(9)), rule("few", "row_count", conditions=at_least(5))]
    product = made_up(rules, text="varchar", cost="double", moment="timestamp")
    rows = [
        {"cost": -1.0},
        {"text": "a:1%", "cost": 1.0},
        {"moment": datetime(2021, 1, 1), "cost": 1.0},
        {"text": "{b}", "cost": 1.0},
        {},
    ]
    file = made.write_file(
        tmp_path / "data.parquet", [{"id": i, **r} for i, r in enumerate(rows)], made.arrow_schema(product)
    )

    verdict = run_gate(product, made.put_table(aws, file))

    assert verdict == run_gate(product, LocalCandidate((file,), scratch))
    assert {r.check.name: r.measured for r in verdict.results[-11:]} == {**numbers, "enough": 5, "few": 5}
    assert [r.passed for r in verdict.results[-11:]] == [False] * 10 + [True]


def test_operators_units_and_lists_are_judged_alike(aws, scratch, tmp_path):
    # Two are null, three a (in rows 2 to 4), two b, one n/a; `half` tells even rows from odd ones.
    texts = [None, None, "a", "a", "a", "b", "b", "n/a"]
    percent = {"unit": "percent"}
    measured = {
        "null, at most 25 percent": (("not_null", "text"), at_most(25), percent, 2, True),
        "null, at most 24 percent": (("not_null", "text"), at_most(24), percent, 2, False),
        "missing": (("missing_values", "text"), at_most(2), {"missing_values": ("n/a", "b")}, 3, False),
        "missing or null": (
            ("missing_values", "text"),
            at_most(3),
            {"missing_values": ("n/a",), "null_is_missing": True},
            3,
            True,
        ),
        "alike": (("duplicates", "text"), at_least(6), {"columns": ("text",)}, 5, False),
        "alike in two": (("duplicates", None), at_most(2), {"columns": ("text", "half")}, 2, True),
        "a yes": (("sql", None), (Condition("mustBe", (True,)),), {"query": YES}, 1, True),
        "not a number": (("sql", None), at_least(0), {"query": "select max(nan()) from {object}"}, None, False),
    }
    rules = [rule(n, *kind, conditions=c, **stated) for n, (kind, c, stated, _, _) in measured.items()]
    product = made_up(rules, text="varchar", half="integer")
    rows = [{"id": i, "text": text, "half": i % 2} for i, text in enumerate(texts)]
    file = made.write_file(tmp_path / "data.parquet", rows, made.arrow_schema(product))

    verdict = run_gate(product, made.put_table(aws, file))

    found = {r.check.name: (r.measured, r.passed) for r in verdict.results if r.check.name in measured}
    assert found == {name: case[-2:] for name, case in measured.items()}


def test_only_counts_leave_athena_and_each_query_is_told(aws, tmp_path, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    product = next(p for p in PRODUCTS if p.id == "clinical.observation")
    pattern = rule("shaped", "pattern", product.key[0], pattern="^a$")
    product = replace(product, rules=(*product.rules, pattern))
    rows = made.defective_rows(product, 40)
    told: list[AthenaQuery] = []
    candidate = made.put_table(aws, made.write_file(tmp_path / "data.parquet", rows, made.arrow_schema(product)))
    caplog.clear()

    verdict = run_gate(product, candidate, on_query=told.append)

    ran, cells = result_cells(aws, candidate)
    athena = aws.client("athena")
    queries = [execution(athena, {"QueryExecutionId": q.query_id}) for q in told]
    assert ran == {q.query_id for q in told}
    assert all(NUMBER.fullmatch(cell) or cell.lower() in ("", "true") for cell in cells), (
        "a result holds more than counts"
    )
    assert [q["Statistics"]["DataScannedInBytes"] for q in queries] == [q.bytes_scanned for q in told]
    assert sum(q.bytes_scanned for q in told) > 0
    sent = [q["Query"].lower() for q in queries]
    assert [text for text in sent if not text.startswith(COUNTS)] == []
    assert not verdict.passed
    assert made.MARKER not in "".join([str(verdict.to_json()), *capfd.readouterr(), caplog.text])


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"kind": "sql", "query": "select count(nothing) from {object}"}, "line 1:.*nothing"),
        ({"kind": "sql", "query": "select count(* from {object}"}, "line 1:.*mismatched input"),
        ({"kind": "sql", "query": "select list_sum([1]) from {object}"}, "line 1:"),
        ({"kind": "pattern", "pattern": "(a"}, "missing \\)"),
    ],
)
def test_a_mistake_in_a_rule_is_told_in_athenas_words(stated, words, aws, tmp_path):
    product = made_up([rule("r", column="text", **stated)], text="varchar")
    file = made.write_file(tmp_path / "data.parquet", [{"id": 1, "text": made.MARKER}], made.arrow_schema(product))

    with pytest.raises(ContractError, match=f"r: .*{words}") as raised:
        run_gate(product, made.put_table(aws, file))

    assert made.MARKER not in str(raised.value)


def test_a_rule_that_fails_on_the_data_is_named_without_quoting_the_data(aws, scratch, tmp_path, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    casts = rule("casts", "sql", query="select max(cast(text as integer)) from {object}")
    product = made_up([casts, rule("later", "pattern", "text", pattern="^A")], text="varchar")
    file = made.write_file(tmp_path / "data.parquet", [{"id": 1, "text": made.MARKER}], made.arrow_schema(product))
    candidate = made.put_table(aws, file)
    caplog.clear()

    messages = []
    for judged in (candidate, LocalCandidate((file,), scratch)):
        with pytest.raises(QualityError) as raised:
            run_gate(product, judged)
        messages.append(str(raised.value))
        assert raised.value.__context__ is None or raised.value.__suppress_context__

    assert messages[0] == messages[1]
    assert "could not be computed on the candidate: casts\n" in messages[0]
    assert made.MARKER not in "".join([*messages, *capfd.readouterr(), caplog.text])


def test_a_table_that_is_not_there_is_an_error(aws):
    with pytest.raises(QualityError, match=r"gate\.nowhere: the candidate cannot be read: EntityNotFoundException"):
        run_gate(PRODUCTS[0], made.candidate("nowhere"))


def test_a_query_that_scans_more_than_the_limit_is_an_error_of_aws(aws, tmp_path):
    product = PRODUCTS[0]
    rows = made.sound_rows(product, 50)
    there = made.put_table(aws, made.write_file(tmp_path / "data.parquet", rows, made.arrow_schema(product)))

    with pytest.raises(AwsError, match=r"scanned [\d,]+ bytes; the limit is 1\nTry: raise CAREMESH_ATHENA_BYTES_LIMIT"):
        run_gate(product, made.candidate(there.table, bytes_limit=1))


def test_a_file_that_is_no_parquet_file_is_an_error(aws, tmp_path):
    file = made.write_file(tmp_path / "data.parquet", [{}], made.arrow_schema(PRODUCTS[0]))
    candidate = made.put_table(aws, file)
    aws.client("s3").put_object(Bucket=made.BUCKET, Key=f"{candidate.table}/part-1", Body=made.MARKER.encode())

    with pytest.raises(QualityError, match=r"part-1: cannot be read as a Parquet file") as raised:
        run_gate(PRODUCTS[0], candidate)

    assert made.MARKER not in str(raised.value)


def test_a_long_footer_and_hidden_files_are_read_as_athena_reads_them(aws, scratch, tmp_path):
    product = made_up([], text="varchar")
    table = pa.table([pa.array(range(9000)), pa.nulls(9000, pa.string())], schema=made.arrow_schema(product))
    file = tmp_path / "data.parquet"
    pq.write_table(table, file, row_group_size=10)
    assert pq.read_metadata(file).serialized_size > 64 * 1024
    candidate = made.put_table(aws, file)
    for hidden in ("_SUCCESS", ".part"):
        aws.client("s3").put_object(Bucket=made.BUCKET, Key=f"{candidate.table}/{hidden}", Body=b"x")

    assert run_gate(product, candidate) == run_gate(product, LocalCandidate((file,), scratch))


def test_rows_that_athena_does_not_see_are_an_error(aws, tmp_path):
    product = made_up([], text="varchar")
    file = made.write_file(tmp_path / "data.parquet", [{"id": 1}], made.arrow_schema(product))
    aws.client("s3").upload_file(str(file), made.BUCKET, "parted/day=1/part-0")
    columns = [{"Name": "id", "Type": "bigint"}, {"Name": "text", "Type": "string"}]
    keys = [{"Name": "day", "Type": "int"}]
    made.create_table(aws, "parted", columns, location=f"s3://{made.BUCKET}/parted/", PartitionKeys=keys)

    with pytest.raises(QualityError, match="Athena sees 0 rows, its files hold 1"):
        run_gate(product, made.candidate("parted"))
