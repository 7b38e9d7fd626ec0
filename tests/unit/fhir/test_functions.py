"""What each function and operator gives: one table per subject, values by hand."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "birthDate": "1950-05-17",
    "_birthDate": {"extension": [{"url": "time", "valueDateTime": "1950-05-17T10:00:00Z"}]},
    "deceasedBoolean": False,
    "maritalStatus": {"text": "married"},
    "name": [
        {"use": "usual", "given": [None, "Ann", "Bea"]},
        {"use": "official", "family": "Doe", "given": ["Cid"]},
    ],
    "extension": [
        {
            "url": RACE,
            "extension": [
                {"url": "ombCategory", "valueCoding": {"system": "no code here"}},
                {"url": "ombCategory", "valueCoding": {"code": "2106-3"}},
                {"url": "ombCategory", "valueCoding": {"code": "2028-9"}},
            ],
        }
    ],
    "multipleBirthInteger": 2,
}


def value_of(run_view: Any, path: str, resource: dict[str, Any] = PATIENT, **column: Any) -> Any:
    view = {"resource": resource["resourceType"], "select": [{"column": [{"name": "c", "path": path, **column}]}]}
    ((row),) = run_view(view, [resource])
    return row["c"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name.family.first()", "Doe"),
        ("name.given.first()", "Ann"),
        ("name.first().given.first()", "Ann"),
        ("name[1].given[0]", "Cid"),
        ("name.given[0]", None),
        ("name.given[1]", "Ann"),
        ("name.given[3]", "Cid"),
        ("name.given[9]", None),
        ("maritalStatus[0].text", "married"),
        ("maritalStatus[1].text", None),
        ("Patient.id", "p1"),
        ("maritalStatus.first().text", "married"),
        ("name.where(use = 'official').given.first()", "Cid"),
        ("name.where(use = 'official' and family = 'Doe').use", "official"),
        ("name.where(family.empty()).use", "usual"),
        ("name.where(given.where($this = 'Bea').exists()).use", "usual"),
        ("maritalStatus.where(text = 'married').text", "married"),
        ("maritalStatus.where(text = 'single').text", None),
        ("name.given.join('|')", "Ann|Bea|Cid"),
        ("name.given.join()", "AnnBeaCid"),
        ("name.prefix.join(',')", None),
        ("'a' + 'b'", "ab"),
        ("name.family.first() + gender", None),
        (f"extension('{RACE}').extension('ombCategory').value.ofType(Coding).code.first()", "2106-3"),
        (f"extension('{RACE}').extension('ombCategory').value.ofType(Coding).code.join(',')", "2106-3,2028-9"),
        ("birthDate.extension('time').value.ofType(dateTime).first()", "1950-05-17T10:00:00Z"),
        ("gender.extension('time').value.ofType(dateTime).first()", None),
        (r"'it\'s \u0041'", "it's A"),
    ],
)
def test_text_paths(run_view: Any, path: str, expected: str | None) -> None:
    assert value_of(run_view, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name.exists()", True),
        ("name.exists(use = 'old')", False),
        ("name.empty()", False),
        ("contact.empty()", True),
        ("gender.empty()", True),
        ("gender.exists()", False),
        ("deceased.exists()", True),
        ("deceased.empty()", False),
        ("maritalStatus.where(text = 'single').exists()", False),
        ("maritalStatus.where(text = 'single').empty()", True),
        ("where(active).exists()", True),
        ("active", True),
        ("active.not()", False),
        ("(gender = 'male').not()", None),
        ("active and gender = 'male'", None),
        ("active or gender = 'male'", True),
        ("active.not() and gender = 'male'", False),
        ("deceased.ofType(boolean).where($this).exists()", False),
        ("active.where($this).exists()", True),
        ("name.use = 'usual'", False),
        ("name.family = 'Doe'", True),
        ("name.family != 'Doe'", False),
        ("name.suffix = 'x'", None),
        ("name.use = name.use", True),
        ("name.use = name.given", False),
        ("gender = {}", None),
        ("multipleBirth.ofType(integer) >= 2", True),
        ("multipleBirth.ofType(integer) > 2.5", False),
        ("multipleBirth.ofType(integer) < 10", True),
        ("active = true", True),
        ("active != true", False),
        ("gender.exists() = true", False),
        ("gender.empty() = name.exists()", True),
        ("(gender = 'male') = true", None),
        ("active.not() = false", True),
        ("1 + 1 = 2", True),
    ],
)
def test_boolean_paths(run_view: Any, path: str, expected: bool | None) -> None:
    assert value_of(run_view, path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("multipleBirth.ofType(integer) + 1", 3),
        ("multipleBirth.ofType(integer) - 3", -1),
        ("-multipleBirth.ofType(integer) * 2", -4),
        ("5 / multipleBirth.ofType(integer)", 2.5),
        ("1 / 0", None),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("1.5 + 1", 2.5),
    ],
)
def test_number_paths(run_view: Any, path: str, expected: float | None) -> None:
    assert value_of(run_view, path) == expected


@pytest.mark.parametrize(
    ("birth_date", "path", "expected"),
    [
        ("1950-05-17", "birthDate = @1950-05-17", True),
        ("1950-05-17", "birthDate < @1950-05-18", True),
        ("1950-05-17", "birthDate >= @1950-05-18", False),
        ("1950-05", "birthDate = @1950-05-17", None),
        ("1950-05", "birthDate < @1951-01-01", True),
        ("1950", "birthDate != @1951-01-01", True),
        (None, "birthDate = @1950-05-17", None),
    ],
)
def test_dates_of_different_precision_compare_only_where_it_is_sure(
    run_view: Any, birth_date: str | None, path: str, expected: bool | None
) -> None:
    assert value_of(run_view, path, {"resourceType": "Patient", "birthDate": birth_date}) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("recordedDate = @2020-01-01T10:00:00Z", True),
        ("recordedDate < @2020-01-01T10:00:01Z", True),
        ("recordedDate > @2020-01-01T11:30:00+02:00", True),
        ("recordedDate = @2020-01-01", None),
        ("recordedDate > @2019", True),
    ],
)
def test_times_with_offsets_compare_as_moments(run_view: Any, path: str, expected: bool | None) -> None:
    condition = {"resourceType": "Condition", "recordedDate": "2020-01-01T12:00:00+02:00"}
    assert value_of(run_view, path, condition) is expected


@pytest.mark.parametrize(
    ("reference", "any_type", "patient"),
    [
        ("Patient/p-1.2", "p-1.2", "p-1.2"),
        ("Patient/p1/_history/3", "p1", "p1"),
        ("Group/g1", "g1", None),
        ("Practitioner?identifier=http://x|1", None, None),
        ("#contained", None, None),
        ("urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", None, None),
        ("https://example.org/fhir/Patient/p1", None, None),
        ("Patient/", None, None),
        ("Patient/p1/_history/", None, None),
        ("Patient/p1/name", None, None),
        # An id that FHIR would not allow is still the id of the resource that states it.
        ("Patient/" + "x" * 65, "x" * 65, "x" * 65),
        ("Patient/p 1", "p 1", "p 1"),
        ("patient/p1", None, None),
        (None, None, None),
    ],
)
def test_reference_key_is_the_id_of_a_relative_reference(
    run_view: Any, reference: str | None, any_type: str | None, patient: str | None
) -> None:
    resource = {"resourceType": "Condition", "id": "c", "subject": {"reference": reference}}
    assert value_of(run_view, "subject.getReferenceKey()", resource) == any_type
    assert value_of(run_view, "subject.getReferenceKey(Patient)", resource) == patient
    rest = value_of(run_view, "subject.where(getReferenceKey(Patient).empty()).reference", resource)
    assert rest == (None if patient else reference)


def test_reference_keys_of_a_list_can_be_asked_for_in_two_columns(run_view: Any) -> None:
    path = "generalPractitioner.where(getReferenceKey(Practitioner).empty()).reference.first()"
    view = {
        "resource": "Patient",
        "select": [{"column": [{"name": "a", "path": path}, {"name": "b", "path": path}]}],
    }
    practitioners = [{"reference": "Practitioner/1"}, {"reference": "Organization/2"}]
    patient = {"resourceType": "Patient", "generalPractitioner": practitioners}
    assert run_view(view, [patient]) == [{"a": "Organization/2", "b": "Organization/2"}]


def test_operators_raise_for_several_values_and_name_the_resource_only(run_view: Any) -> None:
    with pytest.raises(duckdb.Error, match=r"path: more than one value where one is due, resource p1$"):
        value_of(run_view, "name.use < 'z'")


def test_a_boolean_that_is_none_raises_inside_a_criterion(run_view: Any) -> None:
    claim = {"resourceType": "Claim", "id": "c1", "insurance": [{"focal": "maybe"}]}
    with pytest.raises(duckdb.Error, match=r"path: a value is no boolean, resource c1$"):
        value_of(run_view, "insurance.where(focal = true).exists()", claim)


def test_text_with_quotes_and_line_breaks_reaches_the_sql_unharmed(run_view: Any) -> None:
    resource = {"resourceType": "Patient", "name": [{"given": ["A", "B"]}]}
    assert value_of(run_view, r"name.given.join('\'\n  \"')", resource) == "A'\n  \"B"
