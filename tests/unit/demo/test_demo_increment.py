"""Increments continue the base export: higher versions of the same ids, new resources, one story."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.demo import ExportPlan, export_name, write_increment
from caremesh.demo.chart import Chart
from caremesh.demo.export import write_resources
from caremesh.demo.plan import Window, window
from caremesh.errors import UsageError


def _by_id(export) -> dict[str, dict]:
    return {f"{name}/{r['id']}": r for name, resources in export.resources.items() for r in resources}


def test_changed_resources_have_a_higher_version_and_a_later_time(base, increments) -> None:
    known = _by_id(base)
    for increment in increments:
        changed = {key: r for key, r in _by_id(increment).items() if key in known}
        assert changed
        for key, resource in changed.items():
            assert int(resource["meta"]["versionId"]) > int(known[key]["meta"]["versionId"]), key
            assert resource["meta"]["lastUpdated"] > known[key]["meta"]["lastUpdated"], key
        known |= _by_id(increment)


def test_resources_that_did_not_change_are_not_repeated(base, increments) -> None:
    first, second = increments
    assert not {"Organization", "Location", "Practitioner"} & set(first.resources)
    earlier = max(r["meta"]["lastUpdated"] for r in _by_id(base).values())
    middle = max(r["meta"]["lastUpdated"] for r in _by_id(first).values())
    assert all(r["meta"]["lastUpdated"] > earlier for r in _by_id(first).values())
    assert all(r["meta"]["lastUpdated"] > middle for r in _by_id(second).values())


def test_stays_in_progress_are_finished_later(base, increments) -> None:
    open_stays = {e["id"] for e in base.of("Encounter") if e["status"] == "in-progress"}
    finished = {e["id"]: e for increment in increments for e in increment.of("Encounter") if e["status"] == "finished"}
    assert open_stays & set(finished)
    for stay in open_stays & set(finished):
        assert "end" in finished[stay]["period"]


def test_each_kind_of_change_occurs(base, increments) -> None:
    known = _by_id(base)
    changed = [(known[key], r) for key, r in _by_id(increments[0]).items() if key in known]
    kinds = {
        "finished": any(a["status"] == "in-progress" and b["status"] == "finished" for a, b in changed if "class" in a),
        "corrected": any(b.get("status") == "corrected" for _, b in changed if b["resourceType"] == "Observation"),
        "moved": any(a["address"] != b["address"] for a, b in changed if b["resourceType"] == "Patient"),
        "died": any("deceasedDateTime" in b for _, b in changed if b["resourceType"] == "Patient"),
        "resolved": any("abatementDateTime" in b for _, b in changed if b["resourceType"] == "Condition"),
        "kept": any(b.get("status") == "fulfilled" for _, b in changed if b["resourceType"] == "Appointment"),
    }
    assert all(kinds.values()), kinds


def test_patients_who_die_later_are_updated_to_deceased() -> None:
    plan = ExportPlan(patients=150, seed=5)
    base, last = window(plan), window(plan, sequence=12)
    alive = {
        key for key, line in _state(plan, 0, base).items() if key.startswith("Patient/") and b"deceased" not in line
    }
    year = _state(plan, 12, Window(base=base.base, since=base.until, until=last.until))
    died = {key for key in alive & set(year) if b'"deceased' in year[key]}
    assert died
    assert all(b'"versionId":"1"' not in year[key] for key in died)


def test_known_patients_get_new_encounters_and_new_patients_come(base, increments) -> None:
    known = _by_id(base)
    first = increments[0]
    new_patients = [p for p in first.of("Patient") if f"Patient/{p['id']}" not in known]
    assert len(new_patients) == 2
    assert all(p["meta"]["versionId"] == "1" for p in new_patients)
    new_visits = [e for e in first.of("Encounter") if f"Encounter/{e['id']}" not in known]
    assert any(e["subject"]["reference"] in known for e in new_visits)


def test_references_resolve_in_the_exports_so_far(base, increments) -> None:
    known = set(_by_id(base))
    for increment in increments:
        resources = _by_id(increment)
        known |= set(resources)
        for resource in resources.values():
            for name in ("subject", "patient", "encounter", "claim", "partOf", "beneficiary"):
                if isinstance(resource.get(name), dict) and "reference" in resource[name]:
                    assert resource[name]["reference"] in known


def _state(plan: ExportPlan, sequence: int, part: Window) -> dict[str, bytes]:
    lines: dict[str, bytes] = {}

    def keep(resource_type: str, line: bytes) -> None:
        # {"resourceType":"<type>","id":"<36 characters>", ...
        place = line.index(b'"id":"') + 6
        lines[f"{resource_type}/{line[place : place + 36].decode()}"] = line

    write_resources(plan, sequence, Chart(keep, part))
    return lines


def test_base_and_increments_together_are_what_one_full_export_would_show() -> None:
    plan = ExportPlan(patients=80, seed=5)
    base, first, second = (window(plan, sequence=number) for number in (0, 1, 2))
    newest = _state(plan, 0, base) | _state(plan, 1, first) | _state(plan, 2, second)
    at_once = _state(plan, 2, Window(base=base.base, since=base.since, until=second.until))
    assert newest == at_once


def test_an_increment_is_the_same_whenever_it_is_written(base, increments, read_export, tmp_path: Path) -> None:
    again = write_increment(base.plan, tmp_path, sequence=2)
    assert read_export(again) == increments[1].resources


def test_increments_sort_after_the_base_and_have_its_data_store(base, increments) -> None:
    names = [base.folder.name, *(i.folder.name for i in increments)]
    assert names == sorted(names)
    assert names[1] == export_name(base.plan, sequence=1)
    assert len({name[:32] for name in names}) == 1


def test_there_is_no_increment_number_zero(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_increment(ExportPlan(patients=1), tmp_path, sequence=0)
