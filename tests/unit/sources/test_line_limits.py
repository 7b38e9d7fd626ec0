"""Lines and documents from outside: counted in blocks, and refused where they are longer than anybody may hold."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pytest

from caremesh.errors import LandingError
from caremesh.sources import line_limits
from caremesh.sources.corrections import read_corrections
from caremesh.sources.deletions import read_deletions
from caremesh.sources.line_limits import LineCounter, lines_within, read_document
from caremesh.sources.ndjson import FoundFile, count_lines, take_in


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can reach."""
    monkeypatch.setattr(line_limits, "LONGEST_READ", 100)
    monkeypatch.setattr(line_limits, "LONGEST_DOCUMENT", 100)
    monkeypatch.setattr(line_limits, "BLOCK", 7)


@pytest.mark.parametrize("seed", range(50))
def test_lines_are_counted_as_python_counts_them(seed: int) -> None:
    choose = random.Random(seed)
    content = b"".join(choose.choices([b"\n", b" ", b"\r", b"a", b"bc"], k=choose.randrange(60)))
    cuts = sorted(choose.randrange(len(content) + 1) for _ in range(choose.randrange(6)))
    counter = LineCounter(keep=1000)
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        counter.feed(content[start:end])

    # As `open` gives them: a line ends after its line feed.
    lines = io.BytesIO(content).readlines()
    assert counter.total == sum(1 for line in lines if not line.isspace())
    assert counter.longest == max((len(line.rstrip(b"\n")) for line in lines), default=0)
    assert bytes(counter.rest) == (lines[-1] if lines and not lines[-1].endswith(b"\n") else b"")


@pytest.mark.parametrize("name", ["Patient.ndjson", "Patient.ndjson.gz"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_file_with_an_endless_line_is_refused_before_it_is_held(tmp_path: Path, name: str, end: bytes) -> None:
    def write(length: int) -> Path:
        content = b"{}\n" + b"x" * length + end
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return tmp_path / name

    assert count_lines(write(100)) == 2
    path = write(101)
    with pytest.raises(LandingError, match="a line is longer than"):
        take_in(FoundFile("e", str(tmp_path), name, str(path), "Patient", path.stat().st_size))


def test_a_line_is_refused_by_its_number_and_quotes_nothing() -> None:
    with pytest.raises(LandingError, match="list:2: the line is longer than") as refused:
        list(lines_within(io.BytesIO(b"{}\n" + b"SECRET" * 20), where="list"))
    assert "SECRET" not in str(refused.value)


def test_delete_lists_and_corrections_are_read_within_the_limit(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="gone:1: the line is longer than"):
        list(read_deletions(io.BytesIO(b"x" * 1000), where="gone"))
    (tmp_path / "dump.ndjson").write_bytes(b"x" * 1000)
    with pytest.raises(LandingError, match=r"dump\.ndjson:1: the line is longer than"):
        list(read_corrections(tmp_path / "dump.ndjson"))


def test_a_document_is_read_within_the_limit() -> None:
    assert read_document(io.BytesIO(b"x" * 100), where="a") == b"x" * 100
    with pytest.raises(LandingError, match="was to be a manifest"):
        read_document(io.BytesIO(b"x" * 101), where="a")
