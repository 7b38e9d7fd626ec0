"""Tables of lines: one for each list of files, in each lake."""

from __future__ import annotations

import pytest

from caremesh.aws import Aws
from caremesh.aws.glue import Glue, TableName
from caremesh.engines.line_tables import create_line_table, drop_line_table
from caremesh.errors import LandingError
from caremesh.places import S3Place
from tests.athena.local_aws import LocalAws
from tests.athena.two_intakes import BUCKET, keys_below, open_aws

LAKE, OTHER = S3Place(BUCKET, "one"), S3Place(BUCKET, "other")


@pytest.fixture
def aws(storage: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    return open_aws(storage, monkeypatch)


def create(aws: Aws, lake: S3Place, *paths: str, run_id: str = "one") -> TableName:
    return create_line_table(aws, resource_type="Goal", paths=paths, lake=lake, run_id=run_id)


def test_each_list_of_files_of_each_run_has_a_table_of_its_own(aws: Aws) -> None:
    first, again = create(aws, LAKE, "s3://b/1"), create(aws, LAKE, "s3://b/1")
    more, elsewhere = create(aws, LAKE, "s3://b/1", "s3://b/2"), create(aws, OTHER, "s3://b/1")
    another_run = create(aws, LAKE, "s3://b/1", run_id="two")
    assert first == again
    assert len({first, more, elsewhere, another_run}) == 4
    assert all(table.name.startswith("lines_goal_") for table in (first, more, elsewhere, another_run))
    assert keys_below(aws, LAKE / "athena/lines" / more.name) == [f"one/athena/lines/{more.name}/files.txt"]


def test_a_table_of_lines_goes_with_its_list(aws: Aws) -> None:
    name = create(aws, LAKE, "s3://b/3")
    drop_line_table(aws, name, lake=LAKE)
    assert name.name not in Glue(aws).made_at(name.database)
    assert keys_below(aws, LAKE / "athena/lines" / name.name) == []


def test_a_name_with_a_line_break_is_refused(aws: Aws) -> None:
    with pytest.raises(LandingError, match="line break"):
        create(aws, LAKE, "s3://b/a\nb")
