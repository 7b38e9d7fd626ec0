"""The benchmark's own code: its views and hand-written SQL agree, its data are what they claim, failures are told."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from bench.commands import Workshop, compile_sql
from bench.compare import Verdict, check_peer
from bench.data import VIEWS, Data, Sizes, prepare_data
from bench.peers import PEERS, Environment
from bench.processes import Command, Cost, Measured, ProcessFailed, measure, measure_interleaved
from bench.report import table, write_report
from bench.results import Limit, Results, Size, marginal_ratio, peer_ratio
from bench.rows import Difference, compare_rows

SIZES = Sizes(full=300_000, large=600_000, extract=100_000, small=40_000, patients=400)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("bench")
    return Workshop(prepare_data(folder / "data", SIZES), folder)


@pytest.mark.parametrize("name", VIEWS)
def test_hand_written_sql_gives_the_rows_of_the_view(shop: Workshop, name: str) -> None:
    file = shop.data.file("full", VIEWS[name])
    hand, compiled = shop.hand_written(name).read_text(), compile_sql(shop.view(name), file)

    with duckdb.connect() as connection:
        connection.execute("set variable input = ?", [str(file)])
        rows = connection.execute(f"select count(*) from ({hand})").fetchone()
        differing = connection.execute(
            f"select count(*) from ((({hand}) except all ({compiled})) union all (({compiled}) except all ({hand})))"
        ).fetchone()

    assert rows is not None
    assert rows[0] > 20
    assert differing == (0,)


@pytest.mark.parametrize("name", VIEWS)
def test_no_column_of_a_view_is_empty_on_the_data(shop: Workshop, name: str) -> None:
    query = compile_sql(shop.view(name), shop.data.file("full", VIEWS[name]))
    # Rare in so few patients: deaths known only as a fact, and stays that end elsewhere than at home.
    rare = {"is_deceased", "deceased_at", "value_text"}

    columns = duckdb.sql(f"select column_name, null_percentage from (summarize {query})").fetchall()

    assert {column for column, share in columns if share == 100} <= rare


def test_files_have_their_size_and_extracts_are_their_beginnings(shop: Workshop) -> None:
    for resource in VIEWS.values():
        full = shop.data.file("full", resource).read_bytes()
        assert len(full) >= SIZES.full
        for kind, size in (("extract", SIZES.extract), ("small", SIZES.small)):
            part = shop.data.file(kind, resource).read_bytes()
            assert len(part) >= size
            assert full.startswith(part)
        assert shop.data.file("one", resource).read_bytes().count(b"\n") == 1
    assert shop.data.file("large", "Observation").stat().st_size >= SIZES.large


def test_ids_are_unique_within_a_file(shop: Workshop) -> None:
    for resource in VIEWS.values():
        ids = [json.loads(line)["id"] for line in shop.data.file("full", resource).open()]
        assert len(ids) == len(set(ids))


def test_without_its_broken_lines_the_damaged_file_is_the_clean_one(shop: Workshop) -> None:
    damaged = shop.data.file("damaged", "Observation").read_bytes().splitlines()
    broken = shop.data.broken_lines()

    whole = [line for number, line in enumerate(damaged, start=1) if number not in broken]

    assert len(broken) == 10
    assert whole == shop.data.file("full", "Observation").read_bytes().splitlines()


def test_every_broken_line_is_no_json_or_contradicts_the_view(shop: Workshop) -> None:
    damaged = shop.data.file("damaged", "Observation").read_bytes().splitlines()

    for number in shop.data.broken_lines():
        try:
            subject = json.loads(damaged[number - 1])["subject"]
        except ValueError:
            continue
        assert isinstance(subject, str)


def test_data_that_are_there_are_not_made_again(shop: Workshop) -> None:
    file = shop.data.file("full", "Patient")
    before = file.stat().st_mtime_ns

    prepare_data(shop.data.folder, SIZES)

    assert file.stat().st_mtime_ns == before


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_view(path: Path) -> Path:
    columns = [
        {"name": "id", "path": "getResourceKey()", "type": "string"},
        {"name": "amount", "path": "value.ofType(Quantity).value", "type": "decimal"},
        {"name": "code", "path": "code.text", "type": "string"},
    ]
    path.write_text(json.dumps({"resource": "Observation", "select": [{"column": columns}]}))
    return path


def as_parquet(path: Path) -> Path:
    target = path.with_suffix(".parquet")
    duckdb.sql(f"copy (from '{path}') to '{target}' (format parquet)")
    return target


def test_rows_are_equal_in_any_order_and_spelling_of_decimals_and_keys(tmp_path: Path) -> None:
    ours = as_parquet(
        write_rows(tmp_path / "ours.ndjson", [{"id": "a", "amount": 1.1, "code": "x"}, {"id": "b", "amount": 2.0}])
    )
    theirs = write_rows(
        tmp_path / "theirs.ndjson",
        [{"id": "Observation/b", "amount": "2.00", "code": None}, {"code": "x", "id": "a", "amount": 1.10}],
    )

    difference = compare_rows(ours, theirs, view=write_view(tmp_path / "view.json"))

    assert difference == Difference(rows=2, only_ours=0, only_theirs=0, columns=())


def test_rows_that_differ_are_counted_on_both_sides_with_their_columns(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"id": "a", "amount": 1.0, "code": "x"}, {"id": "b", "amount": 2.0, "code": "y"}]
    ours = as_parquet(write_rows(tmp_path / "ours.ndjson", rows))
    theirs = write_rows(tmp_path / "theirs.ndjson", [rows[0], rows[0], {"id": "b", "amount": 2.0, "code": "z"}])

    difference = compare_rows(ours, theirs, view=write_view(tmp_path / "view.json"))

    # One row of ours is missing there; there, one row stands twice and one has another code.
    assert difference == Difference(rows=2, only_ours=1, only_theirs=2, columns=("code",))


def python(*words: str) -> Command:
    return Command((sys.executable, *words))


def test_cost_is_that_of_the_process_and_its_children_not_of_the_parent(tmp_path: Path) -> None:
    child = "sum(range(10_000_000))"
    command = python("-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{child}'])")

    cost = measure(command, log=tmp_path / "log")

    assert cost.cpu > 0.05
    # The parent, this test, has loaded DuckDB and is larger.
    assert 1 < cost.peak_mb < 50


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match=r"exit code 1: ValueError: no such view"):
        measure(python("-c", "raise ValueError('no such view')"), log=tmp_path / "log")


def test_a_process_without_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="no end after 0 s"):
        measure(python("-c", "import time; time.sleep(60)"), log=tmp_path / "log", timeout=0.3)


def test_rounds_stop_before_the_deadline_but_one_is_always_run(tmp_path: Path) -> None:
    commands = {"good": python("-c", ""), "bad": python("-c", "raise ValueError('bad')")}

    measured = measure_interleaved(commands, rounds=3, logs=tmp_path, deadline=0)

    assert measured.rounds == 1
    assert set(measured.costs) == {"good"}
    assert measured.failures == {"bad": "exit code 1: ValueError: bad"}


def costs(seconds: Mapping[str, float]) -> Measured:
    return Measured(rounds=1, costs={name: Cost(cpu, cpu / 2, 50) for name, cpu in seconds.items()}, failures={})


def build_results(*, peers: Measured | None, failure: str | None = None) -> Results:
    equal = Verdict(Difference(rows=7, only_ours=0, only_theirs=0, columns=()))
    return Results(
        date="2026-01-01",
        machine={"processor": "some"},
        sizes={name: Size(full=200_000_000, extract=20_000_000, resources=5, rows=7) for name in VIEWS},
        own=costs(
            {f"{name} {what}": 1.0 for name in VIEWS for what in ("orjson", "hand", "compiled", "strict", "exact")}
        ),
        own_rows={},
        damaged=equal,
        peers=peers,
        peer_rows={(n, p.name): Verdict(failure=failure) if failure else equal for n in VIEWS for p in PEERS},
        environments={p.name: Environment(Path("python"), failure=failure) for p in PEERS},
    )


def test_a_peer_that_does_not_run_stays_in_the_report_with_the_reason() -> None:
    text = write_report(build_results(peers=costs({}), failure="needs another C library"))

    for peer in PEERS:
        assert text.count(f"{peer.name} does not run here: needs another C library") == len(VIEWS)
    assert "not measured **missed**" in text


def test_a_peer_that_fails_while_it_is_timed_is_told_too() -> None:
    measured = Measured(rounds=1, costs={}, failures={f"{n} {p.name}": "out of memory" for n in VIEWS for p in PEERS})

    text = write_report(build_results(peers=measured))

    assert "pathling does not run here: out of memory" in text


def test_a_report_without_peers_says_so() -> None:
    assert "Left out of this run." in write_report(build_results(peers=None))


def test_an_environment_that_could_not_be_made_is_the_verdict(tmp_path: Path) -> None:
    shop = Workshop(Data(tmp_path), tmp_path)

    verdict = check_peer(shop, "patient", PEERS[0], Environment(Path("python"), failure="no such version"))

    assert verdict == Verdict(failure="no such version")


def test_a_peer_on_an_extract_is_scaled_after_its_start_up_is_taken_off() -> None:
    peer = next(p for p in PEERS if p.timed_on == "extract")
    measured = costs(
        {
            "patient strict": 1.5,
            f"patient {peer.name}": 7,
            "observation strict start": 0.5,
            f"observation {peer.name} start": 2,
        }
    )

    # (7 - 2) s on a tenth of the bytes are 50 s; ours are 1.5 - 0.5 s.
    assert peer_ratio(build_results(peers=measured), peer, "patient", "cpu") == 50


def test_the_margin_is_what_the_large_file_takes_longer() -> None:
    peer = next(p for p in PEERS if p.marginal_limit is not None)
    seconds = {"strict": 1.0, "strict large": 3.0, peer.name: 30.0, f"{peer.name} large": 60.0}
    measured = costs({f"observation {what}": cpu for what, cpu in seconds.items()})

    assert marginal_ratio(build_results(peers=measured), peer, "cpu") == 15


@pytest.mark.parametrize(
    ("measured", "is_ceiling", "is_kept"),
    [(2.0, True, True), (2.1, True, False), (2.0, False, True), (1.9, False, False), (None, True, False)],
)
def test_a_limit_is_kept_up_to_its_bound_and_never_unmeasured(
    measured: float | None, is_ceiling: bool, is_kept: bool
) -> None:
    limit = Limit(what="a / b", view="patient", bound=2.0, is_ceiling=is_ceiling, measured=measured)

    assert limit.is_kept is is_kept


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(("a", "b"), [("1|2", "3")]) == ["| a | b |", "| :-- | --: |", "| 1\\|2 | 3 |", ""]


def test_a_ratio_shows_on_which_side_of_its_limit_it_is() -> None:
    seconds = {f"{name} {what}": 1.0 for name in VIEWS for what in ("strict", *(p.name for p in PEERS))}
    seconds |= {"patient pathling": 39.97, "observation pathling": 41.2}

    text = write_report(build_results(peers=costs(seconds)))

    assert "≥ 40x: 39.97x **missed**" in text
    assert "≥ 40x: 41x ok" in text
