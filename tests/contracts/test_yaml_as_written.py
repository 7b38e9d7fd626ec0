"""A contract is read as the text that stands there, and what is wrong with its YAML is told with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.errors import ContractError
from caremesh.products import find_domains, read_product
from caremesh.products.yaml_text import read_yaml
from tests.contracts.contract_text import contract_text, write_contract

# YAML 1.1 reads each of these as a boolean, a number, a date or nothing.
LOOKS_LIKE_MORE = ["NO", "no", "on", "Off", "y", "N", "yes", "True", "0o17", "017", "0x1F", "1_000", "12:30:45", "1e3"]
LOOKS_LIKE_MORE += ["2024-01-01", "1.0", "007", ".5", "+1", "'null'", "'~'", "=", "<<"]


@pytest.mark.parametrize("word", LOOKS_LIKE_MORE)
def test_a_valid_value_is_the_text_as_it_is_written(tmp_path: Path, word: str) -> None:
    rule = f"- name: r\n  metric: invalidValues\n  mustBe: 0\n  arguments:\n    validValues: [{word}, SE]"
    product = read_product(write_contract(tmp_path, contract_text(column=rule)))
    assert product.rules[-1].valid_values == (word.strip("'"), "SE")


def test_null_without_quotes_is_null_and_with_quotes_a_text(tmp_path: Path) -> None:
    rule = "- name: r\n  metric: missingValues\n  mustBe: 0\n  arguments:\n    missingValues: [null, 'null', no, '']"
    rule = next(
        r for r in read_product(write_contract(tmp_path, contract_text(column=rule))).rules if r.column == "country"
    )
    assert (rule.null_is_missing, rule.missing_values) == (True, ("null", "no", ""))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1.0.0\n", "version: 1.0.0\nversion: 2.0.0 #!\n"),
        ("        required: true\n", "        required: true\n        required: false #!\n"),
        ("  purpose: For tests.\n", "  purpose: For tests.\n  'purpose': Again. #!\n"),
    ],
)
def test_a_key_that_is_repeated_is_refused_with_both_lines(tmp_path: Path, before: str, after: str) -> None:
    text = contract_text().replace(before, after, 1)
    line = next(n for n, stated in enumerate(text.splitlines(), 1) if stated.endswith("#!"))
    folder = write_contract(tmp_path, text)
    with pytest.raises(ContractError, match=f"is repeated, first in line {line - 1}") as raised:
        read_product(folder)
    assert str(raised.value.where).startswith(f"{folder / 'contract.odcs.yaml'}:{line}:")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, 2),  # the list is still open where the next key comes
        ("a: 1\n  b: 2\n", 2, 4),
        ("a: 'open\n", 2, 1),
        ("a: 1\n\tb: 2\n", 2, 1),
        ("a: 1\nb: *nowhere\n", 2, 4),
        ("a: 1\nb: x\x07y\n", 2, 5),
    ],
)
def test_a_mistake_in_yaml_is_told_with_line_and_column(tmp_path: Path, text: str, line: int, column: int) -> None:
    folder = write_contract(tmp_path, text)
    with pytest.raises(ContractError, match="not valid YAML") as raised:
        read_product(folder)
    assert raised.value.where == f"{folder / 'contract.odcs.yaml'}:{line}:{column}"


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ('a: 1\nb: "x\\0y"\n', 2, 4, "holds the control character '\\x00'"),
        ('a: 1\nb: ["\\e[31m"]\n', 2, 5, "holds the control character '\\x1b'"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n", 4, 3, "'<<' is repeated, first in line 3"),
        ("a: 1\n<<: words\n", 2, 5, "<< does not name a mapping"),
        ("a: 1\n<<:\n", 2, 4, "<< does not name a mapping"),
        ("a: &a {b: 1}\nc:\n  <<: [*a, words]\n", 3, 7, "<< does not name a mapping"),
        ("a: &a [*a]\n", 1, 4, "an alias repeats what it is part of"),
        ("a:\n  " + "[" * 700 + "]" * 700 + "\n", 2, 102, "nested more than 100 levels deep"),
        ("a:\n  " + "[" * 100_000, 2, 102, "nested more than 100 levels deep"),
    ],
    ids=[
        "nul",
        "escape",
        "merged twice",
        "merged text",
        "merged nothing",
        "merged list",
        "circle",
        "deep",
        "very deep",
    ],
)
def test_a_flaw_is_told_once_with_line_and_column(text: str, line: int, column: int, says: str) -> None:
    (flaw,) = read_yaml(text).flaws
    assert (flaw.message, flaw.line, flaw.column) == (says, line, column)
    assert flaw.hint


def test_mappings_are_merged_where_a_document_says_so() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\n  y: 3\n"
    assert read_yaml(text).value["c"] == {"x": "1", "y": "3", "z": "3"}


def test_tabs_and_line_breaks_are_texts_like_others() -> None:
    assert read_yaml('a: "x\\ty\\r\\nz"\n').flaws == []


def test_aliases_that_repeat_each_other_without_end_are_refused_once() -> None:
    layers = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
    found = read_yaml(f"a0: &a0 [x]\n{layers}\n")
    (flaw,) = found.flaws
    assert flaw.message == "more than 100,000 values, those of aliases counted each time"
    assert found.value is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "words\n"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    folder = write_contract(tmp_path, text)
    with pytest.raises(ContractError, match="does not hold keys and values") as raised:
        read_product(folder)
    assert raised.value.hint == "copy the contract of another product, and edit it"
    (folder / "contract.odcs.yaml").write_text(contract_text())
    (folder.parent / "domain.yaml").write_text(text)
    with pytest.raises(ContractError, match=r"domain\.yaml: does not hold keys and values") as raised:
        find_domains(tmp_path)
    assert raised.value.hint == "a line for each of: name, owner, team, description"
