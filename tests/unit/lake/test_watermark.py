"""The watermark: no export moves it over a gap, and none that may not be landed whole."""

from __future__ import annotations

from typing import Any

import pytest

from caremesh.lake.ledger import LandedExport, Ledger, SetWatermark, ledger_from_json, ledger_to_json
from caremesh.lake.watermark import find_watermark, list_watermarks, next_since
from caremesh.sources.export_jobs import ExportJob, ExportScope
from caremesh.sources.export_manifest import ExportFile, ExportManifest
from caremesh.sources.ndjson import LandedFile

SYSTEM = ExportScope()


def day(number: int, hour: int = 0) -> str:
    return f"2026-01-{number:02}T{hour:02}:00:00Z"


def landed(number: int, *, missing: str | None = None, listed: Any = (("Patient/Patient-1.ndjson", 5),), **more: Any):
    """An export that was asked for on a day, with all files but one."""
    files = None if listed is None else tuple(ExportFile(name=n, bytes=b) for n, b in listed)
    manifest = ExportManifest(source="s", job=str(number), submitted_at=day(number), files=files, **more)
    taken = tuple(
        LandedFile(f"e{number}", f.name, f.name, f.name.split("/")[0], f.bytes, 0, "x", 1)
        for f in files or ()
        if f.name != missing
    )
    return LandedExport(f"e{number}", "/", day(30), taken, manifest)


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        ([], None),
        ([landed(1)], day(1)),
        ([landed(2, since=day(1)), landed(1)], day(2)),
        # Between the first and the third something is not known: the third moves nothing.
        ([landed(1), landed(9, since=day(5))], day(1)),
        ([landed(9, since=day(5))], None),
        # What came late fills the gap, in whichever order it was landed.
        ([landed(1), landed(9, since=day(5)), landed(6, since=day(1))], day(9)),
        ([landed(1), landed(5, until=day(4))], day(1)),
        ([landed(1), landed(5, is_filtered=True)], day(1)),
        ([landed(1), landed(5, level="patient")], day(1)),
        ([landed(1), landed(5, types=("Patient",))], day(1)),
        ([landed(1), landed(5, listed=None)], day(1)),
        ([landed(1), landed(5, listed=())], day(1)),
    ],
    ids=str,
)
def test_the_watermark_is_the_last_export_that_leaves_no_gap(exports: Any, expected: str | None) -> None:
    assert find_watermark(Ledger(tuple(exports)), "s", SYSTEM).at == expected


def test_an_export_of_which_a_file_is_not_landed_moves_nothing() -> None:
    two = (("Patient/Patient-1.ndjson", 5), ("Patient/Patient-2.ndjson", 6))
    part = landed(2, listed=two, missing="Patient/Patient-2.ndjson")
    assert find_watermark(Ledger((landed(1), part)), "s", SYSTEM).at == day(1)


def test_files_of_types_that_no_product_reads_are_not_waited_for() -> None:
    more = (("Patient/Patient-1.ndjson", 5), ("Binary/Binary-1.ndjson", 6))
    assert find_watermark(Ledger((landed(2, listed=more, missing="Binary/Binary-1.ndjson"),)), "s", SYSTEM).at == day(2)


def test_some_types_are_covered_by_an_export_of_more_and_not_the_other_way_round() -> None:
    ledger = Ledger((landed(1, types=("Patient", "Claim")),))
    assert find_watermark(ledger, "s", ExportScope(types=("Claim",))).at == day(1)
    assert find_watermark(ledger, "s", ExportScope(types=("Claim", "Group"))).at is None
    assert find_watermark(ledger, "s", SYSTEM).at is None
    assert find_watermark(ledger, "another", ExportScope(types=("Claim",))).at is None


@pytest.mark.parametrize(("at", "expected"), [(day(3), day(3)), (None, None)])
def test_what_is_set_by_hand_counts_over_what_was_landed_before(at: str | None, expected: str | None) -> None:
    ledger = Ledger((landed(5),)).with_watermark(SetWatermark("s", at, day(6)))
    assert find_watermark(ledger, "s", SYSTEM).at == expected
    later = Ledger((landed(5), landed(8, since=day(2)))).with_watermark(SetWatermark("s", at, day(6)))
    assert find_watermark(later, "s", SYSTEM).at == (day(8) if at else None)


def test_the_next_export_begins_an_overlap_earlier() -> None:
    mark = find_watermark(Ledger((landed(2),)), "s", SYSTEM)
    assert next_since(mark, overlap_seconds=3600) == day(1, 23)
    assert next_since(find_watermark(Ledger(), "s", SYSTEM), overlap_seconds=3600) is None


def test_a_ledger_keeps_jobs_and_watermarks_and_reads_one_without_them() -> None:
    job = ExportJob("x", "healthlake", "s", "s3://b/l", day(1), ExportScope("patient", types=("Patient",)), job="1")
    ledger = Ledger((landed(1),), jobs=(job,), watermarks=(SetWatermark("s", None, day(2)),))
    assert ledger_from_json(ledger_to_json(ledger)) == ledger
    assert ledger_from_json({"exports": []}) == Ledger()
    assert [(m.level, m.types) for m in list_watermarks(ledger)] == [("system", None), ("patient", ("Patient",))]


def test_a_job_keeps_its_folder_from_being_landed_until_it_is_whole() -> None:
    def places(**more: Any) -> tuple[str, ...]:
        job = ExportJob("x", "healthlake", "s", "s3://b/l", day(1), datastore="d", **more)
        return Ledger(jobs=(job,)).unfinished_places()

    assert places(state="running", job="7") == ("s3://b/l/d-FHIR_EXPORT-7/",)
    assert places(state="failed", job="7") == ("s3://b/l/d-FHIR_EXPORT-7/",)
    # Nobody knows what HealthLake calls it yet.
    assert places(state="asked") == ("s3://b/l/d-FHIR_EXPORT-",)
    assert places(state="whole", job="7") == ()
    assert places(state="cancelled") == ()


def test_what_is_set_is_for_its_level_and_types_and_what_is_cleared_for_all() -> None:
    claims = SetWatermark("s/", day(3), day(6), types=("Claim", "Patient"))
    ledger = Ledger().with_watermark(claims)
    assert find_watermark(ledger, "s", ExportScope(types=("Claim",))).at == day(3)
    others = (SYSTEM, ExportScope("patient", types=("Claim",)), ExportScope(types=("Claim", "Group")))
    assert [find_watermark(ledger, "s", scope).at for scope in others] == [None] * 3
    assert ledger_from_json(ledger_to_json(ledger)) == ledger
    both = ledger.with_watermark(SetWatermark("s/", day(4), day(7)))
    assert [find_watermark(both, "s", s).at for s in (SYSTEM, ExportScope(types=("Claim",)))] == [day(4), day(4)]
    assert both.with_watermark(SetWatermark("s/", None, day(8))).watermarks == (SetWatermark("s/", None, day(8)),)


def test_replays_and_exports_with_an_end_are_no_sources_of_their_own() -> None:
    replay, until = landed(3, is_filtered=True), landed(4, until=day(3))
    assert [m.source for m in list_watermarks(Ledger((replay, until)))] == []
    assert [(m.source, m.at) for m in list_watermarks(Ledger((replay, landed(1), until)))] == [("s", day(1))]


def test_a_source_with_and_without_a_slash_is_one() -> None:
    job = ExportJob("x", "bulk-data", "s/", "/landing", day(1))
    ledger = Ledger((landed(1), landed(2, since=day(1))), jobs=(job,))
    assert [(m.source, m.at) for m in list_watermarks(ledger)] == [("s/", day(2))]
