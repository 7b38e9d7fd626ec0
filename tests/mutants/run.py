"""Puts a fault into a copy of the repository and runs the one test file that must notice it.

What came out is kept by the digest of all that decides it, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from tests import scale
from tests.mutants.fault import ROOT, Fault

Ending = Literal["killed", "survived", "no verdict"]

RESULTS = ROOT / ".mutants"
LONGEST_SECONDS = 900
PASSED, FAILED = 0, 1
CODE = ("caremesh", "catalog", "quality", "domains", "dbt_project", "tests", "pyproject.toml")


@dataclass(frozen=True)
class Result:
    """What a test file said of the code: of a fault, or (without one) of the code as it is."""

    fault: str
    test: str
    seed: int
    scale: str
    ending: Ending
    seconds: float
    last_line: str


def copy_code(target: Path) -> Path:
    """A copy of what git tracks, with uncommitted changes; what else is there is made, or lies beside it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    if (ROOT.parent / "shared").is_dir():
        (target.parent / "shared").symlink_to(ROOT.parent / "shared")
    return target


def judge(fault: Fault | None, test: str, *, seed: int, size: str, folder: Path) -> Result:
    """What a test file says of the code with a fault, or of the code as it is; from an earlier run, if it was asked.

    `folder` is for the copy, and is removed afterwards.
    """
    kept = RESULTS / f"{_digest(fault, test, seed, size)}.json"
    if kept.exists():
        return Result(**json.loads(kept.read_text(encoding="utf-8")))
    result = _ask(fault, test, seed=seed, size=size, folder=folder)
    RESULTS.mkdir(exist_ok=True)
    aside = kept.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    aside.replace(kept)
    return result


def _ask(fault: Fault | None, test: str, *, seed: int, size: str, folder: Path) -> Result:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        code = copy_code(folder / "code")
        if fault:
            fault.make(code)
        began = time.monotonic()
        ending, last_line = _run_tests(code, test, seed=seed, size=size)
        took = round(time.monotonic() - began, 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(fault.name if fault else "", test, seed, size, ending, took, last_line)


def _run_tests(code: Path, test: str, *, seed: int, size: str) -> tuple[Ending, str]:
    """Run all tests of a file but those that need a Trino, up to the first that fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not athena", "-p", "no:cacheprovider", test]
    env = {**os.environ, "PYTHONPATH": str(code), scale.SCALE: size, scale.SEED: str(seed), scale.SHRINK: "no"}
    try:
        done = subprocess.run(
            command, cwd=code, env=env, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "killed", f"did not end in {LONGEST_SECONDS} s"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    endings: dict[int, Ending] = {PASSED: "survived", FAILED: "killed"}
    return endings.get(done.returncode, "no verdict"), lines[-1] if lines else ""


def _digest(fault: Fault | None, test: str, seed: int, size: str) -> str:
    stated: Sequence[object] = (asdict(fault) if fault else None, test, seed, size, _digest_of_code())
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()[:16]


@cache
def _digest_of_code() -> str:
    """What every fault has in common: all code and all tests but the other faults."""
    listed = subprocess.run(["git", "ls-files", "-z", *CODE], cwd=ROOT, check=True, capture_output=True).stdout
    digest = hashlib.sha256()
    for name in sorted(listed.decode().split("\0")):
        if name and not name.startswith("tests/mutants/") and (ROOT / name).is_file():
            digest.update(name.encode() + b"\0" + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()
