"""Tables of lines: one for each list of files, in each lake."""

from __future__ import annotations

import pytest

from caremesh.aws import Aws
from caremesh.aws.glue import TableName
from caremesh.engines.line_tables import create_line_table
from caremesh.errors import LandingError
from caremesh.places import S3Place
from tests.athena.local_aws import LocalAws
from tests.athena.two_intakes import BUCKET, keys_below, open_aws

LAKE, OTHER = S3Place(BUCKET, "one"), S3Place(BUCKET, "other")


@pytest.fixture
def aws(storage: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    return open_aws(storage, monkeypatch)


def test_the_same_files_have_the_same_table_and_others_another(aws: Aws) -> None:
    def create(lake: S3Place, *paths: str) -> TableName:
        return create_line_table(aws, resource_type="Goal", paths=paths, lake=lake)

    first, again = create(LAKE, "s3://b/1"), create(LAKE, "s3://b/1")
    more, elsewhere = create(LAKE, "s3://b/1", "s3://b/2"), create(OTHER, "s3://b/1")
    assert first == again
    assert len({first, more, elsewhere}) == 3
    assert all(table.name.startswith("lines_goal_") for table in (first, more, elsewhere))
    assert keys_below(aws, LAKE / "athena/lines" / more.name) == [f"one/athena/lines/{more.name}/files.txt"]


def test_a_name_with_a_line_break_is_refused(aws: Aws) -> None:
    with pytest.raises(LandingError, match="line break"):
        create_line_table(aws, resource_type="Goal", paths=["s3://b/a\nb"], lake=LAKE)
