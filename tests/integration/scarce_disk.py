"""A lake on a disk of its own, small and real: `python -m tests.integration.scarce_disk HOME FREE…|read-only`.

It has to be started where it may mount a tmpfs: by `unshare --map-root-user --mount`. For each number of free kilobytes
it runs the command line, and writes what came of it to HOME/outcomes.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import great_expectations
import pyarrow.parquet

import caremesh.console
import caremesh.pipeline
from caremesh.__main__ import enter
from caremesh.errors import EXIT_QUARANTINED

PRELOADED = (great_expectations, pyarrow.parquet, caremesh.console, caremesh.pipeline)
"""What a run imports where it needs it."""

SIZE = 64 << 20
BALLAST = "ballast"


def play(home: Path, case: str) -> dict[str, Any]:
    """One run with so much room; then another with enough."""
    lake = home / "lake"
    for path in lake.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(home / "before", lake, dirs_exist_ok=True)
    if case == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(lake)], check=True)
    else:
        fill(lake, int(case) << 10)
    code, errors = run(home)
    tables = read(lake)
    query_code, _ = call(home, "query", "select count(*) from ward.person")
    if case == "read-only":
        subprocess.run(["mount", "-o", "remount,rw", str(lake)], check=True)
    (lake / BALLAST).unlink(missing_ok=True)
    again, _ = run(home)
    after = read(lake)
    return {
        "case": case,
        "code": code,
        "errors": errors,
        "tables": tables,
        "query_code": query_code,
        "again": again,
        "after": after,
    }


def fill(lake: Path, free: int) -> None:
    """Leave so many bytes free."""
    with (lake / BALLAST).open("wb") as ballast:
        room = os.statvfs(lake)
        os.posix_fallocate(ballast.fileno(), 0, room.f_bavail * room.f_frsize - free)


def run(home: Path) -> tuple[int, str]:
    """Call the stages, but for the one that needs a dbt project, until one fails; give its exit code and its words."""
    for stage in ("land", "flatten", "check", "publish", "register"):
        options = ("--landing", home / "landing") if stage == "land" else ()
        code, errors = call(home, stage, *options, "--project", home / "project", "--quiet")
        if code not in (0, EXIT_QUARANTINED):
            return code, errors
    return 0, ""


def call(home: Path, *words: object) -> tuple[int, str]:
    """Call the command line in a child, which has the imports behind it; give its exit code and what stderr got."""
    said = home / "stderr"
    child = os.fork()
    if child == 0:
        with said.open("w") as errors, Path(os.devnull).open("w") as nothing:
            os.dup2(errors.fileno(), 2)
            os.dup2(nothing.fileno(), 1)
        sys.argv = ["caremesh", *map(str, words), "--lake", str(home / "lake")]
        enter()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text()


def read(lake: Path) -> dict[str, list[Any]] | str:
    """What a reader finds now, or what went wrong."""
    try:
        with duckdb.connect(str(lake / "caremesh.duckdb"), read_only=True) as connection:
            tables = ("ward.person", "ward.reading", "quarantine.lines")
            return {t: connection.execute(f"select * from {t} order by all").fetchall() for t in tables}
    except duckdb.Error as error:
        return str(error)


def main() -> None:
    """Mount the disk, put the lake on it, and play each case."""
    home = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(home / "lake")], check=True)
    outcomes = [play(home, case) for case in sys.argv[2:]]
    (home / "outcomes.json").write_text(json.dumps(outcomes, default=str))


if __name__ == "__main__":
    main()
