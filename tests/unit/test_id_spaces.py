"""What sources are called, which of them share ids, and which keeps one; and how a project says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.cli.project_file import read_id_spaces
from caremesh.errors import UsageError
from caremesh.id_spaces import IdSpaces, canonical_source, is_same_source, source_in_name

STORE = "8f3a0c1d"


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("hospital-a", "hospital-a"),
        ("https://fhir.example/r4", "https://fhir.example/r4"),
        ("https://fhir.example/r4/", "https://fhir.example/r4"),
        ("HTTPS://FHIR.example/R4", "https://fhir.example/R4"),
        (f"https://healthlake.us-east-1.amazonaws.com/datastore/{STORE}/r4/", STORE),
        (f"https://healthlake.eu-west-2.amazonaws.com/datastore/{STORE}/r4", STORE),
        (f"https://healthlake.us-east-1.amazonaws.com/datastore/{STORE}/", STORE),
        (STORE, STORE),
        (f"https://healthlake.example/datastore/{STORE}/r4", f"https://healthlake.example/datastore/{STORE}/r4"),
        ("/", "/"),
    ],
)
def test_a_source_has_one_name_however_it_is_written(stated: str, name: str) -> None:
    assert canonical_source(stated) == name
    assert canonical_source(name) == name
    assert is_same_source(stated, name)


@pytest.mark.parametrize(
    ("export", "store"),
    [
        (f"{STORE}-FHIR_EXPORT-77aa", STORE),
        ("-FHIR_EXPORT-1", None),
        ("Patient", None),
        (f"{STORE}-FHIR_EXPORT-", None),
    ],
)
def test_healthlakes_folders_name_the_data_store(export: str, store: str | None) -> None:
    assert source_in_name(export) == store


def test_sources_that_are_listed_come_first_and_the_others_by_name() -> None:
    assert IdSpaces().in_order(["c", "a", "b", "a"]) == ("a", "b", "c")
    assert IdSpaces(order=("c", "x", "b")).in_order(["a", "b", "c"]) == ("c", "b", "a")


def test_an_id_space_stands_where_the_first_of_its_sources_does() -> None:
    shared = {"town": ("a", "c")}
    assert IdSpaces(shared=shared).in_order(["a", "b", "c"]) == ("b", "town")
    assert IdSpaces(order=("c",), shared=shared).in_order(["a", "b", "c"]) == ("town", "b")
    assert IdSpaces(order=("b", "town"), shared=shared).in_order(["c", "b", "d"]) == ("b", "town", "d")


def read(tmp_path: Path, text: str) -> IdSpaces:
    (tmp_path / "caremesh.toml").write_text(text)
    return read_id_spaces(tmp_path)


def test_a_project_without_the_file_says_nothing(tmp_path: Path) -> None:
    assert read_id_spaces(tmp_path) == IdSpaces() == read(tmp_path, "[sources]\n")


def test_a_project_names_its_sources_as_manifests_do(tmp_path: Path) -> None:
    text = f"""
    [sources]
    order = ["hospital-a", "https://healthlake.us-east-1.amazonaws.com/datastore/{STORE}/r4/"]
    [sources.shared]
    town = ["https://fhir.example/r4/", "hospital-a"]
    """
    assert read(tmp_path, text) == IdSpaces(
        order=("hospital-a", STORE), shared={"town": ("https://fhir.example/r4", "hospital-a")}
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[source]", "there is no key source"),
        ("[sources]\nordre = []", "there is no key sources.ordre"),
        ("sources = 3", "sources is no table"),
        ("[sources]\norder = 'a'", "sources.order is no list"),
        ("[sources]\norder = ['a', 1]", "sources.order: a name is no text"),
        ("[sources]\norder = ['a', '']", "sources.order: a name is empty"),
        ("[sources]\norder = ['a', 'a']", "'a' stands twice in sources.order"),
        ("[sources]\norder = ['https://h.example', 'https://h.example/']", "stands twice in sources.order"),
        ("[sources]\nshared = ['a']", "sources.shared is no table"),
        ("[sources.shared]\ntown = 'a'", "sources.shared.town is no list"),
        ("[sources.shared]\nx = ['a', 'b']\ny = ['b']", "'b' stands in two of sources.shared"),
        ("[sources.shared]\nb = ['a']\nx = ['b']", "calls an id space 'b'"),
        ("[sources]\norder = [", "is not valid TOML"),
        ("[sources]\norder = ['a\\u001b[2J']\n".replace("'", '"'), "holds a control character"),
    ],
)
def test_what_a_project_cannot_mean_is_refused_with_file_and_key(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert fault in refused.value.message
    assert str(refused.value.where).startswith(str(tmp_path / "caremesh.toml"))
    assert refused.value.hint


def test_an_id_space_is_not_called_like_a_source_outside_of_it() -> None:
    spaces = IdSpaces(shared={"a": ("b", "c")})
    spaces.refuse_mixed(["b", "c", "d"])
    with pytest.raises(UsageError, match="a source outside of it is called so"):
        spaces.refuse_mixed(["a", "b"])
    IdSpaces(shared={"a": ("a", "b")}).refuse_mixed(["a", "b"])
