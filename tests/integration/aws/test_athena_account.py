"""The account of an intake in Athena holds what Athena saw against the files themselves."""

from __future__ import annotations

import gzip

import pytest

from caremesh.aws import Aws
from caremesh.engines.athena_account import Found, account_for_lines
from caremesh.errors import LandingError
from caremesh.settings import AwsSettings
from caremesh.sources.ndjson import LandedFile
from tests.athena.local_aws import REGION
from tests.integration.aws.aws_mesh import AwsMesh

LINE = b"x" * 99
NOTHING = Found()


def landed(mesh: AwsMesh, name: str, content: bytes) -> LandedFile:
    """A file of a landing zone in S3: nobody has counted its lines."""
    mesh.put(f"landing/{name}", content)
    return LandedFile("landing", name, f"{mesh.landing}/{name}", "Patient", len(content), 0, "etag:1", None)


def account(mesh: AwsMesh, file: LandedFile, found: Found) -> int:
    """How many lines the account states of one file, of which this was found."""
    (count,) = account_for_lines(Aws(AwsSettings(region=REGION)), [file], {file.path: found}, marked=())
    return count.lines


def used(lines: int, *, bytes: int, blank: int = 0) -> Found:
    return Found(used=lines, bytes=bytes, ends=lines + blank)


TEN = b"".join([LINE + b"\n"] * 10)
PACKED = gzip.compress(TEN)


@pytest.mark.parametrize(
    ("name", "content", "found", "stated"),
    [
        ("Patient.ndjson", TEN, NOTHING, "it has 10 lines, but 0 used"),
        ("Patient.ndjson", TEN, used(2, bytes=198), "it has 10 lines, but 2 used"),
        ("Patient.ndjson", TEN, used(9, bytes=891), "it has 10 lines, but 9 used"),
        # As long a loss as a few ends of lines: the bytes alone do not tell.
        ("Patient.ndjson", b"1\n" * 10 + b"{}\n", used(10, bytes=10), "it has 11 lines, but 10 used"),
        ("Patient.ndjson.gz", PACKED, NOTHING, "it has 10 lines, but 0 used"),
        ("Patient.ndjson.gz", PACKED, used(2, bytes=198), "it has 10 lines, but 2 used"),
        ("Patient.ndjson.gz", PACKED + PACKED, used(19, bytes=1881), "it has 20 lines, but 19 used"),
        # The size at its end is that of the last member, which is empty.
        ("Patient.ndjson.gz", PACKED + gzip.compress(b""), NOTHING, "it has 10 lines, but 0 used"),
        # All lines are there, and one is not whole.
        ("Patient.ndjson", TEN, used(10, bytes=979), "of its 1,000 bytes, 21 are in no line"),
    ],
    ids=[
        "none",
        "two of ten",
        "one lost",
        "a short one lost",
        "none, packed",
        "two of ten, packed",
        "one lost, two members",
        "none, last member empty",
        "a line cut",
    ],
)
def test_what_athena_did_not_read_is_an_error(
    mesh: AwsMesh, name: str, content: bytes, found: Found, stated: str
) -> None:
    file = landed(mesh, name, content)

    with pytest.raises(LandingError, match=stated):
        account(mesh, file, found)


@pytest.mark.parametrize(
    ("name", "content", "found", "lines"),
    [
        ("Patient.ndjson", b"", NOTHING, 0),
        ("Patient.ndjson", b"\n \r\n\n", NOTHING, 0),
        ("Patient.ndjson.gz", gzip.compress(b"\n\n"), NOTHING, 0),
        ("Patient.ndjson.gz", gzip.compress(b""), NOTHING, 0),
        ("Patient.ndjson", TEN, used(10, bytes=990), 10),
        ("Patient.ndjson", TEN[:-1], used(10, bytes=990), 10),
        ("Patient.ndjson", TEN.replace(b"\n", b"\r\n"), used(10, bytes=990), 10),
        ("Patient.ndjson", TEN + TEN.replace(b"\n", b"\r\n"), used(20, bytes=1980), 20),
        ("Patient.ndjson", TEN + b"\xff\xff\n\n", used(11, bytes=996, blank=1), 11),
        ("Patient.ndjson.gz", PACKED + PACKED, used(20, bytes=1980), 20),
        ("Patient.ndjson.gz", gzip.compress(LINE * 3000 + b"\n" + LINE), used(2, bytes=99 * 3001), 2),
    ],
    ids=[
        "empty",
        "blank, unseen",
        "blank, packed",
        "empty, packed",
        "whole",
        "no last end",
        "windows",
        "mixed ends",
        "no UTF-8",
        "two members",
        "a line longer than what is read at once",
    ],
)
def test_files_that_were_read_whole_are_accounted_for(
    mesh: AwsMesh, name: str, content: bytes, found: Found, lines: int
) -> None:
    assert account(mesh, landed(mesh, name, content), found) == lines


def test_a_packed_file_that_is_cut_off_is_an_error(mesh: AwsMesh) -> None:
    file = landed(mesh, "Patient.ndjson.gz", PACKED[:-9])

    with pytest.raises(LandingError, match=r"Patient.ndjson.gz: cannot be read"):
        account(mesh, file, used(9, bytes=891))


def test_a_file_whose_bytes_fit_is_not_read_here(mesh: AwsMesh) -> None:
    file = landed(mesh, "Patient.ndjson", TEN)
    mesh.watched.asked.clear()

    account(mesh, file, used(10, bytes=990))

    assert mesh.watched.asked == []
