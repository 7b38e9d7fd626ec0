"""Texts from outside on a terminal: nothing in them steers it, wherever they are shown."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from rich.panel import Panel

from caremesh.cli.output import ShownText, report_error
from caremesh.cli.shown_console import ShownConsole
from caremesh.console import RunWatcher, quarantine_table, rows_table
from caremesh.errors import LandingError
from caremesh.terminal import printable

HOSTILE = "a\x1b]0;owned\x07b\x1b[2J\x9b31m\u202ec\u2066\u200b\u2028\rd\x00\x7f"
SHOWN = r"a\x1b]0;owned\x07b\x1b[2J\x9b31m\u202ec\u2066\u200b\u2028\x0dd\x00\x7f"


def steering(text: str) -> list[str]:
    """The signs of a text that a terminal acts on, found by their category and not by our list."""
    joiners = "\u200c\u200d"
    bad = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [c for c in text if unicodedata.category(c) in bad and c not in "\n\t" and c not in joiners]


def test_what_steers_is_spelled_out() -> None:
    assert printable(HOSTILE) == SHOWN
    assert printable("\ud800\U000e0041") == r"\ud800\U000e0041"


@pytest.mark.parametrize(
    "text", ["", "Zoë\tMüller\n", "\u0633\u0627\u200c\u0647\u0627", "👩\u200d⚕️", "日本\u3000語\u00a0x", r"\x1b"]
)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


def test_no_sign_below_the_astral_planes_steers_once_it_is_shown() -> None:
    # Arabic and Syriac signs of this category are seen, and stand before numbers.
    seen = {chr(c) for c in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2)}
    left = {c for c in map(chr, range(0x10000)) if steering(printable(c))}
    assert left <= seen


@pytest.mark.parametrize("width", [30, 200])
def test_no_table_label_or_message_steers_the_terminal(width: int) -> None:
    drawn = io.StringIO()
    console = ShownConsole(file=drawn, force_terminal=False, width=width)
    console.print(rows_table([HOSTILE, "b"], [[HOSTILE, 1], [None, 2]], width=width))
    console.print(quarantine_table({("p", HOSTILE, HOSTILE, HOSTILE, ""): 1}))
    console.print(Panel(HOSTILE, title=HOSTILE), markup=False)
    watcher = RunWatcher(console, clock=lambda: 0.0, quiet=False)
    watcher.begin("land", total=1, unit="files")
    watcher.advance(1, HOSTILE)
    watcher.note(HOSTILE)
    watcher.end(HOSTILE.replace("[", ""))
    assert steering(drawn.getvalue()) == []
    assert r"\x1b" in drawn.getvalue()


def test_a_live_bar_shows_its_own_codes_and_no_others() -> None:
    drawn = io.StringIO()
    watcher = RunWatcher(ShownConsole(file=drawn, force_terminal=True, width=200), clock=lambda: 0.0, quiet=False)
    watcher.begin("land", total=2, unit="files")
    watcher.advance(1, HOSTILE)
    watcher.close()
    assert "\x1b]0;" not in drawn.getvalue()
    assert "\x1b[2J" not in drawn.getvalue()
    assert r"\x1b]0;owned" in drawn.getvalue()


def test_columns_are_as_wide_as_what_is_shown() -> None:
    drawn = io.StringIO()
    ShownConsole(file=drawn, width=200).print(rows_table(["x", "y"], [[HOSTILE, "1"], ["b", "2"]], width=200))
    rows = [line for line in drawn.getvalue().splitlines() if line.strip().endswith(("1", "2"))]
    assert len({len(row.rstrip()) for row in rows}) == 1


def test_an_error_names_a_hostile_file_as_text(capfd: pytest.CaptureFixture[str]) -> None:
    report_error(LandingError("cannot be read", where=HOSTILE))
    assert steering(capfd.readouterr().err) == []


def test_rows_go_to_a_file_as_they_are() -> None:
    out = io.StringIO()
    ShownText(out).write(HOSTILE)
    assert out.getvalue() == HOSTILE


def test_rows_on_a_terminal_are_shown_and_in_a_pipe_are_kept(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text(
        '{"resourceType": "ViewDefinition", "resource": "Patient", "status": "active", "select": [{"column": '
        '[{"name": "id", "path": "id"}, {"name": "gender", "path": "gender"}]}]}'
    )
    (tmp_path / "p.ndjson").write_text('{"resourceType": "Patient", "id": "p", "gender": "x\\u001b[2J\\u202ey"}\n')
    command = [sys.executable, "-m", "caremesh", "view", "run", str(tmp_path / "v.json"), str(tmp_path / "p.ndjson")]
    command += ["--format", "csv", "--quiet"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert "x\x1b[2J\u202ey" in piped
    ours, theirs = pty.openpty()
    subprocess.run(command, stdout=theirs, check=True)
    os.close(theirs)
    assert r"x\x1b[2J\u202ey" in os.read(ours, 65_536).decode()
    os.close(ours)
