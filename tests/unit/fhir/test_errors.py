"""What a wrong view is told: what was found, where in the JSON, and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from caremesh.errors import ViewError
from caremesh.fhir import parse_view


def error_of(view: Any) -> ViewError:
    text = view if isinstance(view, str) else json.dumps(view)
    with pytest.raises(ViewError) as caught:
        parse_view(text, where="patient/view.json")
    return caught.value


def column(**stated: Any) -> dict[str, Any]:
    return {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}, {"name": "c", **stated}]}]}


PATH = "patient/view.json: $.select[0].column[1].path"


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("nam.family", "Patient has no element 'nam' (character 1 of 'nam.family')", "did you mean name?"),
        ("name.famly", "HumanName has no element 'famly' (character 6 of 'name.famly')", "did you mean family?"),
        ("name", "a column holds plain values; the path gives HumanName", "add one of: family, given, period"),
        ("name.aggregate()", "aggregate() is no function of a view (character 6 of 'name.aggregate()')", "one of: "),
        ("name.firts()", "firts() is no function of a view (character 6 of 'name.firts()')", "did you mean first"),
        ("name.where()", "where() takes 1 to 1 arguments; found 0 (character 6 of 'name.where()')", None),
        ("name.where(use)", "a boolean is due; the path gives code (character 12 of 'name.where(use)')", "compare it"),
        ("deceased", "deceased has several types (character 1 of 'deceased')", "deceased.ofType(boolean), ofType(date"),
        ("deceased.ofType(date)", "ofType() never finds date in deceased", "did you mean dateTime?"),
        ("gender is sting", "is() sting is no type", "did you mean string"),
        ("contained.first() is Patient", "is() cannot tell: a Resource may be of any type", None),
        ("gender.ofType(string)", "ofType() never finds string: the path gives code", "ofType(code)"),
        ("%nme", "%nme is no constant of this view (character 1 of '%nme')", "one of: rowIndex"),
        ("gender = 1", "code and integer do not go together (character 8 of 'gender = 1')", None),
        ("name = name", "HumanName cannot be compared or computed with (character 6 of 'name = name')", None),
        ("active > true", "booleans have no order (character 8 of 'active > true')", None),
        ("gender ~ 'x'", "operator '~' is not supported (character 8 of \"gender ~ 'x'\")", "one of: = !="),
        ("gender - 'x'", "operator '-' does not take code (character 8 of \"gender - 'x'\")", None),
        ("name[-1].family", "an index is a whole number or a constant", "name[0]"),
        ("name.getReferenceKey()", "getReferenceKey() wants a Reference; the path gives HumanName", None),
        (
            "managingOrganization.getReferenceKey(Organisation)",
            "getReferenceKey() Organisation is no resource type",
            "did you mean Organization or ",
        ),
        ("name.getResourceKey()", "getResourceKey() is known for the resource itself", "outside forEach"),
        ("extension(gender)", "extension() wants the URL as text", "extension('http://…')"),
        ("@@", "'@' is not FHIRPath (character 1 of '@@')", None),
        ("name.", "found '' where an element is due (character 6 of 'name.')", None),
        ("(id", "found the end where ')' is due (character 4 of '(id')", None),
        ("id id", "found 'id' where 'the end' is due (character 4 of 'id id')", None),
        ("'open", '"\'" is not FHIRPath (character 1 of "\'open")', None),
    ],
)
def test_path_error_names_the_character_and_the_next_move(path: str, message: str, hint: str | None) -> None:
    error = error_of(column(path=path))
    assert error.where == PATH
    assert error.message.startswith(message)
    assert (hint or "") in (error.hint or "")


@pytest.mark.parametrize(
    ("view", "place", "message", "hint"),
    [
        ("{", "", "not valid JSON", None),
        ({}, ": $.resource", "'resource' is missing", None),
        ({"resource": "Patient"}, ": $.select", "'select' is missing", None),
        ({"resource": "Patien", "select": [{}]}, ": $.resource", "'Patien' is no FHIR R4 resource", "Patient"),
        ({"resource": "Patient", "select": [{}]}, ": $.select", "the view has no column", "column"),
        ({"resource": "Patient", "select": [{"colum": []}]}, ": $.select[0].colum", "'colum' is no key", "column?"),
        ({"resource": "Patient", "selct": []}, ": $.selct", "'selct' is no key", "select?"),
        ({"resource": "Patient", "select": [{"forEach": 1}]}, ": $.select[0].forEach", "a text is due", None),
        (
            {"resource": "Patient", "select": [{"forEach": "name", "forEachOrNull": "name"}]},
            ": $.select[0]",
            "forEach and forEachOrNull stand in one select",
            None,
        ),
        (
            {"resource": "Patient", "select": [{"column": [{"name": "1st", "path": "id"}]}]},
            ": $.select[0].column[0].name",
            "'1st' is no name",
            None,
        ),
        (
            {"resource": "Patient", "resourceType": "View", "select": [{"column": [{"name": "a", "path": "id"}]}]},
            ": $.resourceType",
            "resourceType is 'View'; write 'ViewDefinition'",
            None,
        ),
        (
            {"resource": "Patient", "where": [{"path": "name.family"}], "select": [{}]},
            ": $.where[0].path",
            "a boolean is due; the path gives string",
            "exists()",
        ),
        (
            {"resource": "Patient", "constant": [{"name": "x"}], "select": [{}]},
            ": $.constant[0]",
            "a constant needs one value[x], such as valueString; found none",
            None,
        ),
        (
            {"resource": "Patient", "constant": [{"name": "x", "valueInteger": "1"}], "select": [{}]},
            ": $.constant[0].valueInteger",
            "a whole number is due",
            None,
        ),
        (
            {"resource": "Patient", "constant": [{"name": "x", "valueStrin": "1"}], "select": [{}]},
            ": $.constant[0]",
            "valueStrin is no primitive",
            "did you mean String?",
        ),
    ],
)
def test_definition_error_names_the_json_path(view: Any, place: str, message: str, hint: str | None) -> None:
    error = error_of(view)
    assert error.where == f"patient/view.json{place}"
    assert error.message.startswith(message)
    assert (hint or "") in (error.hint or "")


@pytest.mark.parametrize(
    ("stated", "place", "message"),
    [
        ({"path": "gender", "type": "cod"}, ".type", "type 'cod' is no primitive FHIR type"),
        (
            {"path": "gender", "tag": [{"name": "ansi/type", "value": "BLOB"}]},
            ".tag[0].value",
            "ansi/type 'BLOB' is not supported",
        ),
        ({"path": "gender", "tag": [{"name": "ansi/type", "value": "DATE"}]}, ".tag[0].value", "code is no date"),
        ({"path": "name.exists()", "type": "decimal"}, "", "boolean as double is not supported"),
        ({"path": "gender", "colection": True}, ".colection", "'colection' is no key of this object"),
    ],
)
def test_column_error_names_the_key(stated: dict[str, Any], place: str, message: str) -> None:
    error = error_of(column(**stated))
    assert error.where == f"patient/view.json: $.select[0].column[1]{place}"
    assert error.message == message


def test_columns_of_one_name_are_refused_whatever_their_case() -> None:
    error = error_of({"resource": "Patient", "select": [{"column": [{"name": n, "path": "id"} for n in ("id", "ID")]}]})
    assert error.message == "columns stand twice: id"


def test_union_branches_must_agree_in_type_and_order() -> None:
    branches = [
        {"column": [{"name": "a", "path": "id"}]},
        {"column": [{"name": "a", "path": "gender", "type": "code"}]},
    ]
    error = error_of({"resource": "Patient", "select": [{"unionAll": branches}]})
    assert error.where == "patient/view.json: $.select[0].unionAll[1]"
    assert error.message == "columns a (code as varchar) differ from those of the first branch: a (string as varchar)"


@pytest.mark.parametrize(
    "resource_type", [None, "ViewDefinition", "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition"]
)
def test_both_spellings_of_the_resource_type_are_read(resource_type: str | None) -> None:
    view = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}
    if resource_type:
        view["resourceType"] = resource_type
    assert [c.name for c in parse_view(json.dumps(view), where="v").columns] == ["id"]
