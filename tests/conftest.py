"""Fixtures that every kind of test may use: the real exports, and the command line called in this process."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from caremesh.settings import Settings
from tests.scale import repeat_with, settle_seed, stated

if TYPE_CHECKING:
    from typer import Typer

pytest_plugins = ["tests.athena.fixtures", "tests.packing"]

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
NOW = "2026-01-02T03:04:05Z"
CACHE = ROOT / ".pytest_cache" / "caremesh"
"""What saves work in later runs, for all tests and their processes."""

os.environ["CAREMESH_CACHE"] = str(CACHE)


@dataclass(frozen=True)
class Result:
    """What a call of the command line did."""

    exit_code: int
    stdout: str
    stderr: str


@cache
def make_command(app: Typer) -> Any:
    """The commands of an application of Typer, made once."""
    from typer.main import get_group

    return get_group(app)


@pytest.fixture
def caremesh(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line as a user does, without the price of a new process."""
    import typer.main

    from caremesh.cli import main

    # Typer makes its commands anew in each call: a process of a user's calls once, a test often.
    monkeypatch.setattr(typer.main, "get_command", make_command)

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["caremesh", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real exports beside this repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real exports are not beside this clone (../shared/data)")
    return SHARED_DATA


def settings_for(lake: Path, landing: Path | None = None, *, project: Path = ROOT, now: str = NOW) -> Settings:
    """Settings as the command line would make them, with a fixed clock."""
    return Settings(project=project, lake=lake, now=now, run_id="test", landing=landing, cache=CACHE)


class SilentWatcher:
    """Somebody who does not look."""

    def begin(self, stage: str, *, total: int, unit: str) -> None: ...

    def advance(self, amount: int, label: str = "") -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, summary: str, *, outcome: str = "done") -> None: ...


def pytest_configure(config: pytest.Config) -> None:
    settle_seed()


def pytest_report_header() -> str:
    return stated()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say below each failure how to run the test with the same seed and scale."""
    report = yield
    if report.failed:
        report.sections.append(("repeat", repeat_with(item.nodeid)))
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without unloading libraries, for the reason that `caremesh.__main__._leave` states."""
    if "great_expectations" in sys.modules and hasattr(config, "caremesh_exit_status"):
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(config.caremesh_exit_status)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.caremesh_exit_status = int(exitstatus)  # type: ignore[attr-defined]
