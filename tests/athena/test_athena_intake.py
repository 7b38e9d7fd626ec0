"""The intake in Athena takes, row for row and line for line, what the local intake takes."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from caremesh.aws import Aws
from caremesh.aws.glue import Glue
from caremesh.aws.names import WORK_DATABASE
from caremesh.demo import ExportPlan, write_export, write_increment
from caremesh.engines import athena_intake
from caremesh.engines.athena_intake import SpaceLines
from caremesh.errors import AwsError, LakeError, LandingError, ViewError
from tests.athena.local_aws import LocalAws
from tests.athena.two_intakes import (
    Order,
    Taken,
    keys_below,
    open_aws,
    place_order,
    take_in_athena,
    take_locally,
    take_spaces_in_athena,
    take_spaces_locally,
)
from tests.integration.test_damaged_files import BROKEN, EXACT, VIEW, text
from tests.scale import dice, share
from tests.shipped_views import REAL_VIEWS, VIEWS, view_name

pytestmark = pytest.mark.athena


Contents = Mapping[str, bytes]


def some(views: Sequence[Path], *, least: int) -> list[Path]:
    """All views in a full run; in a smaller one others with each commit, as a whole lake is compared elsewhere."""
    return dice("intake in Athena").sample(list(views), share(len(views), least=least))


@pytest.fixture
def aws(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    return open_aws(local_aws, monkeypatch)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("demo") / "landing"
    plan = ExportPlan(patients=12, seed=3, damaged_lines=30)
    write_export(plan, landing)
    write_increment(plan, landing)
    return landing


def write(contents: Contents, tmp_path: Path) -> Path:
    landing = tmp_path / "landing"
    for name, content in contents.items():
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).write_bytes(content)
    return landing


def take(contents: Contents, aws: Aws, tmp_path: Path, *, view: object = VIEW) -> Taken:
    """Take files (name → content) in Athena; what the local intake takes must be the same."""
    return take_both(json.dumps(view), write(contents, tmp_path), aws, tmp_path)


def take_both(view: str, landing: Path, aws: Aws, tmp_path: Path) -> Taken:
    expected = take_locally(view, landing, tmp_path / "local")
    found = take_in_athena(place_order(aws, view, landing, tmp_path), tmp_path / "athena")
    assert found.counts == expected.counts
    assert found.types in ([], expected.types)
    # Compared first, since the message of a failure must not print the lines.
    same = {"rows": found.rows == expected.rows, "quarantine": found.quarantine == expected.quarantine}
    assert same == {"rows": True, "quarantine": True}
    return found


def meta(updated: str | None = None, version: object = None) -> dict[str, object]:
    stated = {"lastUpdated": updated, "versionId": version}
    return {"meta": {name: value for name, value in stated.items() if value is not None}}


@pytest.mark.parametrize("view", some(VIEWS, least=3), ids=view_name)
def test_demo_exports_are_taken_as_the_local_intake_takes_them(
    view: Path, demo: Path, aws: Aws, tmp_path: Path
) -> None:
    assert take_both(view.read_text(), demo, aws, tmp_path).rows


@pytest.mark.parametrize("view", some(REAL_VIEWS, least=2), ids=view_name)
def test_real_exports_are_taken_as_the_local_intake_takes_them(
    view: Path, shared_data: Path, aws: Aws, tmp_path: Path
) -> None:
    resource = json.loads(view.read_text())["resource"]
    for export in ("synthea-25", "synthea-80"):
        (tmp_path / "landing" / export).mkdir(parents=True)
        name = f"{resource}.ndjson"
        (tmp_path / "landing" / export / name).symlink_to(shared_data / export / name)
    assert take_both(view.read_text(), tmp_path / "landing", aws, tmp_path).rows


@pytest.mark.parametrize("view", [VIEW, EXACT], ids=["doubles", "decimals as written"])
def test_every_kind_of_bad_line_is_set_aside_and_the_others_give_their_rows(
    view: object, aws: Aws, tmp_path: Path
) -> None:
    contents = {
        f"Observation-{number:02}.ndjson": b"\n".join([text(10 * number), make(10 * number + 1), text(10 * number + 5)])
        for number, (make, _) in enumerate(BROKEN.values(), start=1)
    }
    found = take(contents, aws, tmp_path, view=view)
    assert set(found.counts.values()) == {(2, 0, 1)}


@pytest.mark.parametrize(
    ("view", "ranking"), [(VIEW, ("n", "s", "w")), (EXACT, ("w", "s", "n"))], ids=["doubles", "decimals as written"]
)
def test_an_id_of_several_sources_is_the_firsts_as_the_local_intake_says(
    view: object, ranking: tuple[str, ...], aws: Aws, tmp_path: Path
) -> None:
    new, old = meta("2026-02-02T00:00:00Z"), meta("2026-01-01T00:00:00Z")
    north, refused = [text(1, **old), text(2), text(9)], text(3, note=[{"text": "x"}, {"text": "y"}])
    south = [b"", text(1, **new), text(2, **old), text(2, **new), text(3), b"{", text(4), text(4), text(5, **new)]
    west = [text(5, **old), text(5, **old), text(6), text(4)]
    contents = {
        "n/Observation-0.ndjson": b"\n".join(north),
        "s/Observation-0.ndjson": b"\n".join(south),
        "s/Observation-1.ndjson": text(5, **old) + b"\n" + text(7, status="x"),
        "w/Observation-0.ndjson": b"\n".join(west) + b"\n",
        # What the view refuses keeps no id.
        f"{ranking[0]}/Observation-1.ndjson": refused,
    }
    landing = write(contents, tmp_path)
    expected = take_spaces_locally(json.dumps(view), landing, tmp_path / "local", ranking)
    order = place_order(aws, json.dumps(view), landing, tmp_path)
    found = take_spaces_in_athena(order, tmp_path / "athena", ranking)
    assert found.counts == expected.counts
    same = {"rows": found.rows == expected.rows, "quarantine": found.quarantine == expected.quarantine}
    assert same == {"rows": True, "quarantine": True}
    keepers = {
        reason.split()[6].rstrip(",") for _, _, reason, _ in found.quarantine if reason.startswith("the id also")
    }
    assert keepers == ({"n", "s"} if ranking[0] == "n" else {"w", "s"})


def test_files_at_the_edge_are_read_as_the_local_intake_reads_them(aws: Aws, tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    contents = {
        "Observation-empty.ndjson": b"",
        "Observation-blank.ndjson": b"\n\n \r\n\t\x0b\n",
        "Observation-bad.ndjson": b"{\n{",
        "Observation-end.ndjson": text(1),
        "Observation-cut.ndjson": text(2) + b"\n" + text(3)[:-1],
        "Observation-mark.ndjson": mark + text(4) + b"\n{\n" + text(5),
        "Observation-mark-windows.ndjson": mark + text(6) + b"\r\n" + text(7) + b"\r\n",
        "Observation-mark.ndjson.gz": gzip.compress(mark + text(8) + b"\n" + text(9)),
        "Observation-windows.ndjson": b"\r\n" + text(10) + b"\r\n{\r\n\r\n" + text(11) + b"\r\n",
        "Observation-null.ndjson": b"\\N\n" + text(12) + b"\n\\N\n\\N\n",
        "Observation-control.ndjson": text(13) + b"\x01\n\x01\n" + text(14) + b"\x01" + text(15) + b"\n" + text(16),
        "Observation-bytes.ndjson": b"\xff\xfe{\n\xc2\xa0\n\xe2\x80\xa8\n\x00\n" + text(17),
        "Observation-sp ace%20+=\u00e9.ndjson": text(18),
        "Observation-packed.ndjson.gz": gzip.compress(text(19) + b"\n{\n" + text(20)),
    }
    found = take(contents, aws, tmp_path)
    assert {name: sum(counts) for (_, name), counts in found.counts.items()}["Observation-bytes.ndjson"] == 5


def test_strays_other_types_and_exports_that_were_not_landed_are_not_read(aws: Aws, tmp_path: Path) -> None:
    contents = {
        "Observation.ndjson": text(1),
        "Observation-2.ndjson": text(2),
        "Patient.ndjson": text(3),
        "notes.txt": text(4),
    }
    found = take(contents, aws, tmp_path)
    assert set(found.counts) == {("landing", "Observation.ndjson"), ("landing", "Observation-2.ndjson")}


def test_the_newest_version_wins_by_the_rules_of_the_local_intake(aws: Aws, tmp_path: Path) -> None:
    def version(number: int, unit: str, **more: object) -> bytes:
        return text(number, valueQuantity={"unit": unit}, **more)

    day = "2025-01-01T00:00:00"
    older = [
        version(1, "a", **meta(f"{day}Z", "10")),
        version(2, "a", **meta(version="10")),
        version(3, "a"),
        version(4, "a", **meta(f"{day}.0005Z")),
        version(5, "a", **meta(f"{day}+01:00")),
        version(6, "a", **meta(f"{day}Z", 7)),
        version(7, "a", **meta(f"{day}Z", "v2")),
        version(8, "a", **meta("soon")),
        version(9, "a", **meta("2025-01-01")),
        version(10, "a", meta=None),
        version(11, "a", **meta(f"{day}Z", "00012")),
    ]
    newer = [
        version(1, "b", **meta("2024-12-31T23:59:59Z", "11")),
        version(2, "b", **meta(version="9")),
        version(3, "b"),
        version(4, "b", **meta(f"{day}.0004Z")),
        version(5, "b", **meta(f"{day}Z")),
        version(6, "b", **meta(f"{day}Z", "007")),
        version(7, "b", **meta(f"{day}Z", "v10")),
        version(8, "b", **meta(f"{day}Z")),
        version(9, "b", **meta("2024-12-31T23:00:00-02:00")),
        version(10, "b", **meta(version="1")),
        version(11, "b", **meta(f"{day}Z", "9")),
    ]
    contents = {"a/Observation.ndjson": b"\n".join(older), "b/Observation.ndjson": b"\n".join(newer)}
    found = take(contents, aws, tmp_path)
    assert sum(superseded for _, superseded, _ in found.counts.values()) == 11


def test_of_several_lines_of_one_id_in_one_file_one_stays(aws: Aws, tmp_path: Path) -> None:
    lines = [
        text(1, **meta("2025-01-01T00:00:00Z")),
        text(1, **meta("2025-02-01T00:00:00Z"), valueQuantity={"unit": "g"}),
        text(2),
        text(2),
        text(2),
        text(3, **meta("2025-01-01T00:00:00Z")),
        text(3, **meta("2025-01-01T00:00:00Z")),
        text(4),
    ]
    again = [text(2), text(3, **meta("2024-01-01T00:00:00Z")), text(3, **meta("2024-01-01T00:00:00Z"))]
    contents = {"a/Observation.ndjson": b"\n".join(lines), "b/Observation.ndjson": b"\n".join(again)}
    found = take(contents, aws, tmp_path)
    assert found.counts == {("a", "Observation.ndjson"): (3, 5, 0), ("b", "Observation.ndjson"): (1, 2, 0)}


def test_a_refused_newest_version_brings_the_one_before_it_to_light(aws: Aws, tmp_path: Path) -> None:
    good, bad, older = (
        text(1, **meta(f"2024-0{month}-01T00:00:00Z"), effectiveDateTime=day)
        for month, day in ((2, "2024-02-28"), (3, "2024-02-30"), (1, "2024-02-27"))
    )
    contents = {f"{name}/Observation.ndjson": line for name, line in zip("abc", (good, bad, older), strict=True)}
    found = take(contents, aws, tmp_path)
    assert [sum(column) for column in zip(*found.counts.values(), strict=True)] == [1, 1, 1]


def test_a_line_longer_than_the_local_engine_takes_is_set_aside(aws: Aws, tmp_path: Path) -> None:
    long = text(1, text={"div": "x" * 40_000_000})
    found = take({"Observation.ndjson": b"\n".join([text(2), long, text(3)])}, aws, tmp_path)
    assert [reason for _, _, reason, _ in found.quarantine] == ["longer than 32 MB"]


def test_hundreds_of_files_are_read_by_one_table(aws: Aws, tmp_path: Path) -> None:
    contents = {f"{number // 100}/Observation-{number}.ndjson": text(number) for number in range(300)}
    intake = place_order(aws, json.dumps(VIEW), write(contents, tmp_path), tmp_path).run()
    assert {(c.used, c.superseded, c.quarantined) for c in intake.counts} == {(1, 0, 0)}
    assert (len(intake.counts), intake.rows) == (300, 600)


UNCOUNTED = {
    "Observation-1.ndjson": b"\n".join([text(1), b"", text(2), b"{"]),
    "Observation-2.ndjson": b"\n",
    "Observation-3.ndjson": text(3) + b"\r\n" + text(4),
    "Observation-4.ndjson": b"\xef\xbb\xbf" + text(5) + b"\n" + text(6) + b"\n",
    "Observation-5.ndjson.gz": gzip.compress(text(7) + b"\n\n" + text(8)),
    "Observation-6.ndjson": b"",
}


@pytest.mark.parametrize(
    "more",
    [{}, {"Observation-7.ndjson": text(9) + b"\r\n" + text(10) + b"\n" + text(11) + b"\n{\n"}],
    ids=["bytes tell that all were read", "ends of lines are mixed"],
)
def test_lines_that_nobody_counted_are_accounted_for(more: Contents, aws: Aws, tmp_path: Path) -> None:
    order = place_order(aws, json.dumps(VIEW), write(UNCOUNTED | more, tmp_path), tmp_path)
    expected = {file.name: file.lines for file in order.files}
    intake = dataclasses.replace(order, files=[dataclasses.replace(file, lines=None) for file in order.files]).run()
    assert {c.file.name: c.lines for c in intake.counts} == expected
    # Keys, counts, rows, quarantine, number of rows.
    assert len(intake.queries) == 5


def test_a_file_with_other_lines_than_were_counted_is_an_error(aws: Aws, tmp_path: Path) -> None:
    order = place_order(aws, json.dumps(VIEW), write({"Observation.ndjson": text(1)}, tmp_path), tmp_path)
    files = [dataclasses.replace(file, lines=2) for file in order.files]
    with pytest.raises(LandingError, match=r"2 lines, but 1 used \+ 0 superseded \+ 0 quarantined"):
        dataclasses.replace(order, files=files).run()


def test_a_carriage_return_within_a_line_is_an_error_and_no_loss(aws: Aws, tmp_path: Path) -> None:
    content = {"Observation.ndjson": text(1).replace(b", ", b",\r", 1) + b"\n" + text(2)}
    order = place_order(aws, json.dumps(VIEW), write(content, tmp_path), tmp_path)
    with pytest.raises(LandingError, match="engine duckdb if lines hold carriage returns"):
        order.run()


def test_a_table_over_other_files_than_were_asked_for_is_an_error(aws: Aws, tmp_path: Path) -> None:
    contents = {"Observation-1.ndjson": text(1), "Observation-2.ndjson": text(2)}
    order = place_order(aws, json.dumps(VIEW), write(contents, tmp_path), tmp_path)
    with pytest.raises(LandingError, match=r"Observation-2.ndjson: is read, and was not asked for"):
        athena_intake.flatten_lines(
            order.athena,
            view=order.view,
            files=order.files[:1],
            spaces=[SpaceLines("default", [order.files[0].path], order.line_table([f.path for f in order.files]))],
            lake=order.place,
            data_location=order.data,
            quarantine_location=order.quarantine,
        )


def test_no_files_give_no_rows_and_ask_nothing(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    order = place_order(aws, json.dumps(VIEW), tmp_path / "landing", tmp_path)
    assert order.run() == athena_intake.AthenaIntake((), 0, 0, ())


def test_a_view_that_fits_no_line_is_an_error_of_the_view(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(athena_intake, "REFUSED_LIMIT", 2)
    lines = [text(number, note=[{"text": "a"}, {"text": "b"}]) for number in range(5)]
    order = place_order(aws, json.dumps(VIEW), write({"Observation.ndjson": b"\n".join(lines)}, tmp_path), tmp_path)
    with pytest.raises(ViewError, match=r"more than 2 resources .*: more than one value \(column note\)"):
        order.run()
    assert remains(order) == []


def test_two_passes_over_clean_lines_are_all_that_is_read(aws: Aws, tmp_path: Path) -> None:
    lines = [text(number, text={"div": "x" * 3000}) for number in range(3000)]
    order = place_order(aws, json.dumps(VIEW), write({"Observation.ndjson": b"\n".join(lines)}, tmp_path), tmp_path)
    intake = order.run()
    size = order.files[0].bytes
    assert 2 * size <= sum(query.bytes_scanned for query in intake.queries) < 2.2 * size


@pytest.mark.parametrize("passes", [0.5, 1.5], ids=["in the first pass", "in the second pass"])
def test_a_run_that_is_stopped_leaves_nothing_that_anybody_sees(
    passes: float, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # One text stands twice, so that the statement of the second pass reads all lines twice.
    lines = [text(number, text={"div": "x" * 300}) for number in [*range(2000), 1]]
    content = b"\n".join(lines)
    aws = open_aws(local_aws, monkeypatch, bytes_limit=int(passes * len(content)))
    order = place_order(aws, json.dumps(VIEW), write({"Observation.ndjson": content}, tmp_path), tmp_path)
    with pytest.raises(AwsError, match="CAREMESH_ATHENA_BYTES_LIMIT"):
        order.run()
    assert remains(order) == []


def test_a_moment_with_its_zone_is_refused_before_anything_is_read(aws: Aws, tmp_path: Path) -> None:
    zoned = {"name": "at", "path": "issued", "tag": [{"name": "ansi/type", "value": "TIMESTAMP WITH TIME ZONE"}]}
    view = {"resource": "Observation", "select": [{"column": [zoned]}]}
    order = place_order(aws, json.dumps(view), write({"Observation.ndjson": text(1)}, tmp_path), tmp_path)
    with pytest.raises(ViewError, match="column at is a timestamp with time zone"):
        order.run()


def test_a_place_that_is_not_empty_is_refused_and_left_as_it_is(aws: Aws, tmp_path: Path) -> None:
    order = place_order(aws, json.dumps(VIEW), write({"Observation.ndjson": text(1)}, tmp_path), tmp_path)
    kept = order.data / "kept"
    aws.client("s3").put_object(Bucket=kept.bucket, Key=kept.prefix, Body=b"kept")
    with pytest.raises(LakeError, match="holds files already"):
        order.run()
    assert keys_below(aws, order.data) == [kept.prefix]


def remains(order: Order) -> list[str]:
    """What stands in the places of an intake and in its work, and the tables of work in Glue."""
    places = (order.data, order.quarantine, athena_intake.work_place(order.place))
    return [key for place in places for key in keys_below(order.aws, place)] + [
        name for name in Glue(order.aws).made_at(WORK_DATABASE) if name.startswith("work_")
    ]
