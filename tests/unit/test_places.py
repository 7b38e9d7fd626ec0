"""Places: a folder, or a prefix in S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.errors import UsageError
from caremesh.places import S3Place, parse_place


def test_what_does_not_begin_with_s3_is_a_folder() -> None:
    assert parse_place("lake/s3") == Path("lake/s3")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket", S3Place("bucket")),
        ("s3://bucket/", S3Place("bucket")),
        ("s3://bucket/a/b/", S3Place("bucket", "a/b")),
    ],
)
def test_an_address_in_s3_is_read_without_slashes_around_it(text: str, place: S3Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["s3:/bucket/a", "S3://bucket", "s3://", "s3://Bucket/a", "s3://bucket/a//b", "s3:"])
def test_a_mistyped_address_is_refused_and_not_taken_for_a_folder(text: str) -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        parse_place(text)


def test_a_place_is_written_as_it_is_read() -> None:
    place = S3Place("bucket", "a") / "b"
    assert (str(place), place.folder, place.name) == ("s3://bucket/a/b", "s3://bucket/a/b/", "b")
    assert (str(S3Place("bucket")), S3Place("bucket").name) == ("s3://bucket", "bucket")
