"""Damaged files: every line that can be used is used, and every other is named, whatever stands around it."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from caremesh.engines.intake import Intake, flatten_files
from caremesh.engines.view_rows import name_files, open_view_engine
from caremesh.errors import LandingError
from caremesh.fhir import DUCKDB, compile_view, parse_view
from tests.scale import draw

VIEW = {
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "unit", "path": "value.ofType(Quantity).unit"},
                {"name": "number", "path": "value.ofType(Quantity).value"},
                {"name": "day", "path": "effective.ofType(dateTime)", "tag": [{"name": "ansi/type", "value": "DATE"}]},
                {"name": "note", "path": "note.text"},
            ]
        },
        {"forEachOrNull": "component", "column": [{"name": "code", "path": "code.text"}]},
    ],
}
EXACT = json.loads(json.dumps(VIEW))
EXACT["select"][0]["column"][2]["tag"] = [{"name": "ansi/type", "value": "VARCHAR"}]


def observation(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number:05}",
        "valueQuantity": {"value": number / 8, "unit": "kg"},
        "component": [{"code": {"text": f"a{number}"}}, {"code": {"text": f"b{number}"}}],
        **more,
    }


def text(number: int, **more: Any) -> bytes:
    return json.dumps(observation(number, **more)).encode()


def expected_rows(lines: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """The view's rows of lines that are all fine, by plain `json` and plain loops."""
    rows = []
    for line in lines:
        resource = json.loads(line)
        quantity = resource.get("valueQuantity", {})
        notes = [n["text"] for n in resource.get("note", [])] or [None]
        own = (resource["id"], quantity.get("unit"), quantity.get("value"), resource.get("effectiveDateTime"), notes[0])
        rows += [(*own, c["code"]["text"]) for c in resource.get("component", [])] or [(*own, None)]
    return sorted(rows, key=str)


def read(
    tmp_path: Path, *contents: bytes, view: dict[str, Any] = VIEW, suffix: str = ".ndjson"
) -> tuple[Intake, list[tuple[Any, ...]]]:
    """Run the view over files of these contents; give the accounts and the rows, sorted."""
    paths = [tmp_path / f"file{number}{suffix}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    compiled = compile_view(parse_view(json.dumps(view), where="view.json"), DUCKDB)
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    files, target = name_files(paths, compiled.resource), tmp_path / "rows.ndjson"
    with open_view_engine(files, memory_limit="256MB", threads=2, scratch=scratch) as connection:
        intake = flatten_files(connection, view=compiled, files=files, target=target, scratch=scratch, form="ndjson")
    rows = [tuple(json.loads(line).values()) for line in (tmp_path / "rows.ndjson").read_bytes().splitlines()]
    assert intake.rows == len(rows)
    return intake, sorted(rows, key=str)


def bad(intake: Intake) -> list[tuple[int, str]]:
    return [(q.line, q.reason) for q in intake.quarantined]


BROKEN: dict[str, tuple[Callable[[int], bytes], str]] = {
    "truncated": (lambda n: text(n)[:-9], "not valid JSON"),
    "colon missing": (lambda n: text(n).replace(b":", b"", 1), "not valid JSON"),
    "two objects": (lambda n: text(n) + text(n), "not valid JSON"),
    "byte order mark": (lambda n: b"\xef\xbb\xbf" + text(n), "byte order mark"),
    "no UTF-8": (lambda n: text(n).replace(b"kg", b"k\xff"), "not valid JSON"),
    "lone surrogate": (lambda n: text(n).replace(b"kg", b"\\ud800"), "not valid JSON"),
    "zero byte": (lambda n: text(n).replace(b"kg", b"\0"), "not valid JSON"),
    "list": (lambda n: b"[" + text(n) + b"]", "not a JSON object"),
    "null": (lambda n: b"null", "not a JSON object"),
    "other type": (lambda n: text(n, resourceType="Patient"), "resourceType is not Observation"),
    "other type with ours inside": (
        lambda n: text(n, resourceType="Bundle", contained=[{"resourceType": "Observation"}]),
        "resourceType is not Observation",
    ),
    "no id": (lambda n: text(n, id=None), "id is missing"),
    "empty id": (lambda n: text(n, id=""), "id is missing"),
    "number for id": (lambda n: text(n, id=n + 1), "id is no text"),
    "text for object": (lambda n: text(n, valueQuantity="5 kg"), "type contradiction at $.valueQuantity"),
    "list for object": (lambda n: text(n, valueQuantity=[{"value": 5}]), "type contradiction at $.valueQuantity"),
    "object for list": (lambda n: text(n, component={"code": {}}), "type contradiction at $.component"),
    "text for item": (lambda n: text(n, component=["x"]), "type contradiction at $.component[0]"),
    "text for second item": (
        lambda n: text(n, component=[{"code": {"text": "a"}}, "x"]),
        "type contradiction at $.component[1]",
    ),
    "text within second item": (
        lambda n: text(n, component=[{"code": {"text": "a"}}, {"code": "x"}]),
        "type contradiction at $.component[1].code",
    ),
    "text for number": (lambda n: text(n, valueQuantity={"value": "much"}), "a value does not fit"),
    "key twice": (lambda n: text(n).replace(b'"unit":', b'"unit": "g", "unit":'), "a value does not fit"),
    "no such day": (lambda n: text(n, effectiveDateTime="2024-02-30"), "a value is no date (column day)"),
    "several values": (
        lambda n: text(n, note=[{"text": "a"}, {"text": "b"}]),
        "more than one value (column note)",
    ),
}


@pytest.mark.parametrize("view", [VIEW, EXACT], ids=["doubles", "decimals as written"])
@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("place", [0, 3, 6], ids=["first", "amid", "last"])
def test_a_bad_line_is_named_and_the_others_give_their_rows(
    kind: str, place: int, view: dict[str, Any], tmp_path: Path
) -> None:
    make, reason = BROKEN[kind]
    good = [text(n) for n in range(6)]
    lines = [*good[:place], make(99), *good[place:]]
    intake, rows = read(tmp_path, b"\n".join(lines) + b"\n", view=view)
    assert [line for line, _ in bad(intake)] == [place + 1]
    assert reason in bad(intake)[0][1]
    assert intake.quarantined[0].raw == lines[place].decode("utf-8", errors="backslashreplace")
    assert rows == expected_rows(good)
    assert [(c.used, c.superseded, c.quarantined) for c in intake.counts] == [(6, 0, 1)]


@pytest.mark.parametrize("seed", draw("damage_mixtures", 10))
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("bad_share", [0.02, 0.2, 0.9])
def test_any_mixture_of_damage_is_sorted_out(bad_share: float, is_packed: bool, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lines, good, numbers = [], [], []
    for number in range(400):
        if chance.random() < 0.1:
            lines.append(chance.choice([b"", b"  ", b"\t"]))
        is_bad = chance.random() < bad_share
        lines.append(BROKEN[chance.choice(list(BROKEN))][0](number) if is_bad else text(number))
        if is_bad:
            numbers.append(len(lines))
        else:
            good.append(lines[-1])
    end = chance.choice([b"\n", b"\r\n"])
    content = end.join(lines) + chance.choice([b"", end])
    intake, rows = read(
        tmp_path,
        gzip.compress(content, 1) if is_packed else content,
        suffix=".ndjson.gz" if is_packed else ".ndjson",
    )
    assert [line for line, _ in bad(intake)] == numbers
    assert [q.raw for q in intake.quarantined] == [lines[n - 1].decode(errors="backslashreplace") for n in numbers]
    assert rows == expected_rows(good)


@pytest.mark.parametrize(
    ("content", "used", "numbers"),
    [
        (b"", 0, []),
        (b"\n\n \r\n", 0, []),
        (b"{\n{", 0, [1, 2]),
        (text(1), 1, []),
        (text(1) + b"\n" + text(2)[:-1], 1, [2]),
        (b"\xef\xbb\xbf" + text(1) + b"\n{\n" + text(2), 1, [1, 2]),
        (b"\r\n" + text(1) + b"\r\n{\r\n\r\n" + text(2) + b"\r\n", 2, [3]),
        (text(1).replace(b", ", b",\r") + b"\n{\n", 1, [2]),
    ],
    ids=["empty", "blank", "all bad", "no last end", "cut off", "mark at the start", "CRLF", "CR amid"],
)
def test_files_at_the_edge(content: bytes, used: int, numbers: list[int], tmp_path: Path) -> None:
    intake, rows = read(tmp_path, content)
    assert ([c.used for c in intake.counts], [n for n, _ in bad(intake)], len(rows)) == ([used], numbers, 2 * used)


@pytest.mark.parametrize("blank", [b"", b"\n"], ids=["no blank line", "a blank line"])
def test_lines_deep_in_a_large_file_are_named_by_their_numbers(blank: bytes, tmp_path: Path) -> None:
    draw = random.Random(1)
    numbers = sorted(draw.sample(range(1, 30_001), 40))
    lines = [text(n) if n not in numbers else text(n)[: draw.randrange(1, 60)] for n in range(1, 30_001)]
    intake, rows = read(tmp_path, b"\n".join(lines) + b"\n" + blank)
    assert [(q.line, q.raw) for q in intake.quarantined] == [(n, lines[n - 1].decode()) for n in numbers]
    assert rows == expected_rows([line for n, line in enumerate(lines, start=1) if n not in numbers])


def test_a_line_of_twenty_megabytes_is_a_line_like_any_other(tmp_path: Path) -> None:
    long, cut = (text(n, text={"div": "x" * 20_000_000}) for n in (1, 2))
    intake, rows = read(tmp_path, b"\n".join([long, cut[:-1], text(3)]))
    assert [n for n, _ in bad(intake)] == [2]
    assert rows == expected_rows([long, text(3)])


def test_a_line_longer_than_the_engine_takes_is_set_aside(tmp_path: Path) -> None:
    long = text(1, text={"div": "x" * 40_000_000})
    intake, rows = read(tmp_path, b"\n".join([text(2), long, text(3)]))
    assert bad(intake) == [(2, "longer than 32 MB")]
    assert rows == expected_rows([text(2), text(3)])


def test_much_damage_that_only_the_engine_sees_is_found_too(tmp_path: Path) -> None:
    lines = [BROKEN["text within second item"][0](n) if n % 5 == 0 else text(n) for n in range(400)]
    intake, rows = read(tmp_path, b"\n".join(lines))
    assert [n for n, _ in bad(intake)] == list(range(1, 401, 5))
    assert rows == expected_rows([text(n) for n in range(400) if n % 5])


def test_a_view_that_fits_no_line_is_an_error_and_no_damage(tmp_path: Path) -> None:
    lines = [text(n, note=[{"text": "a"}, {"text": "b"}]) for n in range(1200)]
    with pytest.raises(LandingError, match=r"more than 1000 lines .* more than one value"):
        read(tmp_path, b"\n".join(lines))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line[:-1],
        lambda line: line.replace(b"u5", b"\xff"),
        lambda line: line.replace(b'{"unit"', b'{"value": "much", "unit"'),
    ],
    ids=["truncated", "no UTF-8", "text for number"],
)
def test_the_newest_version_that_can_be_used_stays(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    versions = [
        text(1, meta={"lastUpdated": f"2024-0{month}-01T00:00:00Z"}, valueQuantity={"unit": f"u{month}"})
        for month in (3, 1, 5, 4)
    ]
    versions[2] = spoil(versions[2])
    intake, rows = read(tmp_path, b"\n".join([*versions, text(2)]))
    assert [(c.used, c.superseded, c.quarantined) for c in intake.counts] == [(2, 2, 1)]
    assert {r[:2] for r in rows} == {("o00001", "u4"), ("o00002", "kg")}


def test_several_files_are_mended_at_once(tmp_path: Path) -> None:
    contents = [b"\n".join([text(10 * f), BROKEN[kind][0](1), text(10 * f + 5)]) for f, kind in enumerate(BROKEN, 1)]
    intake, rows = read(tmp_path, *contents)
    in_first_place = [(c.used, c.superseded, c.quarantined) for c in intake.counts]
    assert in_first_place == [(2, 0, 1)] * len(BROKEN)
    assert rows == expected_rows([text(10 * f + n) for f in range(1, len(BROKEN) + 1) for n in (0, 5)])
