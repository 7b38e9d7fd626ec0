"""The manifest of an export: what it says about what is missing in it, and what is refused."""

from __future__ import annotations

import json

import pytest

from caremesh.errors import LandingError
from caremesh.sources.export_manifest import ExportFile, ExportManifest, parse_manifest, write_manifest

STATED = {"source": "https://fhir.example", "job": "j1", "submitted_at": "2026-03-01T10:00:00Z"}


def manifest(**more: object) -> ExportManifest:
    return parse_manifest(json.dumps({**STATED, **more}), where="export.json")


def test_what_was_written_reads_back() -> None:
    written = manifest(types=["Patient"], files=[{"name": "Patient/Patient-0.ndjson", "bytes": 12}])
    assert written.files == (ExportFile(name="Patient/Patient-0.ndjson", bytes=12),)
    assert parse_manifest(write_manifest(written), where="again") == written


def test_a_moment_is_written_in_utc_so_that_exports_can_be_put_in_order_by_it() -> None:
    assert manifest(submitted_at="2026-03-01T12:30:00+02:00").submitted_at == "2026-03-01T10:30:00Z"


@pytest.mark.parametrize(
    ("more", "covers_patient"),
    [
        ({}, True),
        ({"types": ["Patient"]}, True),
        ({"types": ["Encounter"]}, False),
        ({"since": "2026-01-01T00:00:00Z"}, False),
        ({"until": "2026-01-01T00:00:00Z"}, False),
        ({"level": "patient"}, False),
        ({"level": "group/g1"}, False),
        ({"is_filtered": True}, False),
    ],
)
def test_only_a_full_export_says_which_resources_are_gone(more: dict[str, object], covers_patient: bool) -> None:
    assert manifest(**more).covers("Patient") is covers_patient


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "$"),
        ("[]", "$"),
        (json.dumps({**STATED, "submitted_at": "2026-03-01"}), "submitted_at"),
        (json.dumps({**STATED, "submitted_at": "soon"}), "submitted_at"),
        (json.dumps({**STATED, "types": ["Patent"]}), "types"),
        (json.dumps({**STATED, "level": "ward"}), "level"),
        (json.dumps({**STATED, "sinse": None}), "sinse"),
        (json.dumps({**STATED, "files": [{"name": "a", "bytes": -1}]}), "files.0.bytes"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_place(text: str, named: str) -> None:
    with pytest.raises(LandingError, match="correct it") as refused:
        parse_manifest(text, where="landing/export.json")
    assert refused.value.where == "landing/export.json"
    assert f" {named}: " in refused.value.message
