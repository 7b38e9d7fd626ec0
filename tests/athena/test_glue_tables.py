"""Tables of lines: one for each list of files, and none of another lake is touched."""

from __future__ import annotations

import pytest

from caremesh.aws import Aws
from caremesh.engines.athena import Athena
from caremesh.engines.glue_tables import GlueTable, create_line_table, drop_other_line_tables, find_tables
from caremesh.engines.workbench import drop_leftovers, open_workbench
from caremesh.errors import LandingError
from caremesh.places import S3Place
from tests.athena.local_aws import LocalAws
from tests.athena.two_intakes import BUCKET, keys_below, open_aws

LAKE, OTHER = S3Place(BUCKET, "one"), S3Place(BUCKET, "other")


@pytest.fixture
def aws(storage: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    return open_aws(storage, monkeypatch)


def test_the_same_files_have_the_same_table_and_others_another(aws: Aws) -> None:
    def create(lake: S3Place, *paths: str) -> GlueTable:
        return create_line_table(aws, resource_type="Goal", paths=paths, lake=lake)

    first, again = create(LAKE, "s3://b/1"), create(LAKE, "s3://b/1")
    more, elsewhere = create(LAKE, "s3://b/1", "s3://b/2"), create(OTHER, "s3://b/1")
    assert first == again
    assert len({first, more, elsewhere}) == 3
    assert all(table.name.startswith("lines_goal_") for table in (first, more, elsewhere))
    assert drop_other_line_tables(aws, resource_type="Goal", keep=more, lake=LAKE) == [first.name]
    assert set(find_tables(aws, "lines_goal_")) == {more.name, elsewhere.name}
    assert keys_below(aws, LAKE / "athena/lines" / first.name) == []
    assert keys_below(aws, LAKE / "athena/lines" / more.name) == [f"one/athena/lines/{more.name}/files.txt"]


def test_a_name_with_a_line_break_is_refused(aws: Aws) -> None:
    with pytest.raises(LandingError, match="line break"):
        create_line_table(aws, resource_type="Goal", paths=["s3://b/a\nb"], lake=LAKE)


def test_what_a_killed_run_left_is_removed_once_it_is_old(aws: Aws) -> None:
    athena, place = Athena(aws, output=str(LAKE / "athena")), LAKE / "athena/work"
    with open_workbench(athena, name="0123456789ab", place=place) as bench:
        bench.put("files", {"path": "string"}, {"path": ["s3://b/1"]})
        assert drop_leftovers(athena, place=place, before="2000-01-01T00:00:00Z") == []
        assert find_tables(aws, "work_0123456789ab_") == ["work_0123456789ab_files"]
        assert drop_leftovers(athena, place=place, before="9999-01-01T00:00:00Z") == ["0123456789ab"]
        assert find_tables(aws, "work_0123456789ab_") == keys_below(aws, place) == []
