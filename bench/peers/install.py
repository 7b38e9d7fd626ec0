"""Makes the environment of a peer; every failure becomes a reason to report."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.peers.known import Peer

# The package itself hides that its extension cannot be loaded.
_PYSOF_LOADS = "import pysof._pysof"
_PASSES = Path(__file__).parent
_COMPLETE = "complete.txt"


@dataclass(frozen=True)
class Environment:
    """A peer's environment: its Python, or why there is none, and what had to be done to it."""

    python: Path
    failure: str | None = None
    notes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def words(self, peer: Peer, *, view: Path, file: Path, output: Path) -> tuple[str, ...]:
        """The command that runs a view over a file."""
        return tuple(map(str, (self.python, _PASSES / peer.script, view, file, output)))


def install(peer: Peer, folder: Path) -> Environment:
    """Make the environment of a peer under `folder`, unless it is there; peers of equal requirements share one."""
    home = folder.resolve() / peer.requirements[0].replace("==", "-")
    python = home / "bin" / "python"
    complete = home / _COMPLETE
    stated = "\n".join((*peer.requirements, *peer.jars))
    try:
        if not complete.exists() or complete.read_text() != stated:
            shutil.rmtree(home, ignore_errors=True)
            _run(sys.executable, "-m", "venv", home)
            _run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *peer.requirements)
            for jar in peer.jars:
                _fetch_jar(jar, home / "jars")
            complete.write_text(stated)
        notes = _mend_pysof(python) if "pysof" in peer.requirements[0] else ()
        packages = _run(python, "-m", "pip", "--disable-pip-version-check", "freeze").split()
    except (OSError, subprocess.CalledProcessError) as error:
        return Environment(python, failure=_reason(error))
    return Environment(python, notes=notes, packages=tuple(packages))


def _run(*words: object) -> str:
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True).stdout


def _fetch_jar(artifact: str, target: Path) -> None:
    if not shutil.which("mvn"):
        raise OSError(f"Maven is not installed, and brings {artifact}")
    _run("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={target}")


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "its installation failed without a word"


def _mend_pysof(python: Path) -> tuple[str, ...]:
    """Where pysof's own OpenSSL asks for a newer C library than there is, put the one that Python uses in its place."""
    try:
        _run(python, "-c", _PYSOF_LOADS)
    except subprocess.CalledProcessError as error:
        if "GLIBC" not in error.stderr:
            raise
    else:
        return _note_of(python)
    for name, library in _openssl().items():
        for vendored in python.parent.parent.glob(f"lib/*/site-packages/pysof.libs/{name}-*"):
            shutil.copyfile(library, vendored)
    _run(python, "-c", _PYSOF_LOADS)
    note = "its two OpenSSL libraries were replaced with the system's: they want a newer C library than is here"
    (python.parent.parent / "mended.txt").write_text(note)
    return (note,)


def _note_of(python: Path) -> tuple[str, ...]:
    mended = python.parent.parent / "mended.txt"
    return (mended.read_text(),) if mended.exists() else ()


def _openssl() -> dict[str, Path]:
    """The OpenSSL libraries that this Python itself has loaded (Linux)."""
    importlib.import_module("_ssl")
    loaded = Path("/proc/self/maps").read_text()
    found = {name: re.search(rf"(/\S*{name}\S*\.so\.3)$", loaded, re.MULTILINE) for name in ("libssl", "libcrypto")}
    return {name: Path(match[1]) for name, match in found.items() if match}
