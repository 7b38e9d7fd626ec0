"""Reads the quality rules of a contract: what a table's rows must keep to beyond keys and types.

Every metric, operator and unit of ODCS 3.1 is either kept exactly (`conditions` says how) or refused by name, with its
line and what to write instead (docs/reference/contracts.md). What each metric counts:

- `nullValues`: rows whose column is null.
- `missingValues`: rows whose column is one of `missingValues`; null counts where `null` is listed without quotes.
- `invalidValues`: rows whose column is neither null nor one of `validValues`, or does not match `pattern` in part.
- `duplicateValues`: all rows that share their value with another row, the first of them too; null is like nothing else.
  Of the table, with `properties`: rows that share all of these values, none of them null.
- `rowCount`: the rows of the table.
- `type: sql`: the one number, or true or false, that the query gives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from open_data_contract_standard.model import DataQuality, SchemaObject

from caremesh.products.conditions import NONE_AT_ALL, OPERATORS, UNITS, Condition, Number, Unit, read_bound
from caremesh.products.document import Document, is_null
from caremesh.products.yaml_text import Place, PlainText

Severity = Literal["critical", "warning", "info"]
RuleKind = Literal["valid_values", "missing_values", "duplicates", "pattern", "not_null", "row_count", "sql"]

_METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
_OPERATOR_HINT = f"one of: {', '.join(OPERATORS)}"
_NOT_KEPT = ("schedule", "scheduler")
_TRUTHS = ("mustBe", "mustNotBe")


@dataclass(frozen=True)
class Rule:
    """One explicit quality rule of a contract; keys, `required` and `unique` are rules by themselves.

    `column` is None for a rule on the whole table. What is measured must meet all `conditions`; in percent it is the
    share of all rows. `null_is_missing`, `valid_values`, `missing_values`, `pattern`, `columns` and `query` are each
    for one kind of rule. `place` says where it stands: file, line and path.
    """

    name: str
    kind: RuleKind
    column: str | None
    severity: Severity
    description: str
    conditions: tuple[Condition, ...] = NONE_AT_ALL
    unit: Unit = "rows"
    valid_values: tuple[str, ...] = ()
    missing_values: tuple[str, ...] = ()
    null_is_missing: bool = False
    columns: tuple[str, ...] = ()
    pattern: str = ""
    query: str = ""
    place: str = field(default="", compare=False)


def read_rules(
    table: SchemaObject, columns: Sequence[Any], document: Document, *, taken: Collection[str]
) -> tuple[Rule, ...]:
    """Read the rules under `quality`, of the table and of its columns; faults go to the document.

    `taken` are the names of the contract's other checks, which no rule can have.
    """
    top: Place = ("schema", 0)
    names = tuple(str(c.name) for c in columns)
    stated: list[tuple[Place, DataQuality, str | None]] = []
    stated += [((*top, "quality", i), rule, None) for i, rule in enumerate(table.quality or [])]
    for index, column in enumerate(table.properties or []):
        path = (*top, "properties", index, "quality")
        stated += [((*path, i), rule, column.name or "") for i, rule in enumerate(column.quality or [])]
    found = [_Reader(document, path, rule, column, names).read() for path, rule, column in stated]
    named = [
        ((*path, "name"), rule.name if rule else said.name or "")
        for (path, said, _), rule in zip(stated, found, strict=True)
    ]
    for place in (place for place, name in named if name in taken):
        says = f"{document.at(place)!r} is the name of a check that the contract has without a rule"
        document.fault(says, place, hint="give the rule another name")
    document.refuse_repeats("rule name", named)
    return tuple(rule for rule in found if rule is not None)


@dataclass(frozen=True)
class _Reader:
    """Reads one rule; `stated` is the rule as the model read it, and the document has numbers and lists as written."""

    document: Document
    path: Place
    stated: DataQuality
    column: str | None
    names: tuple[str, ...]

    def read(self) -> Rule | None:
        """The rule, or None after a fault was noted."""
        before = len(self.document.faults)
        self.document.refuse_breaks(self.stated.name, (*self.path, "name"))
        for key in (k for k in _NOT_KEPT if getattr(self.stated, k) is not None):
            self._fault(f"{key} is not kept", key, hint=f"remove {key}: all rules are checked for each release")
        kind, arguments = self._kind_and_arguments()
        severity = self._one_of("severity", get_args(Severity), default="critical")
        unit = self._unit(kind)
        conditions = self._conditions(kind)
        if kind is None or len(self.document.faults) > before or not self.document.is_whole(self.path):
            return None
        return Rule(
            name=self.stated.name or f"{self.column or 'table'}_{_ENDINGS[kind]}",
            kind=kind,
            column=self.column,
            severity=cast(Severity, severity),
            description=self.stated.description or "",
            conditions=conditions,
            unit=unit,
            place=self.document.where(self.path),
            **arguments,
        )

    def _kind_and_arguments(self) -> tuple[RuleKind | None, Mapping[str, Any]]:
        stated = self.stated
        if stated.rule is not None:
            self._fault("rule is deprecated", "rule", hint=f"metric: …, one of: {', '.join(_METRICS)}")
        if not all(self.document.is_whole((*self.path, key)) for key in ("type", "query")):
            return None, {}
        if stated.type == "text":
            self._fault("a rule of type text is not checked", "type", hint="put the sentence into a description")
        elif stated.type == "custom" or stated.engine is not None or stated.implementation is not None:
            self._fault("rules of other engines are not run", "type", hint="type: sql with a query, or a metric")
        elif stated.type == "sql":
            return "sql", self._query()
        elif stated.type not in (None, "library"):
            self._fault(f"type is {stated.type!r}", "type", hint="type: sql with a query, or a metric")
        elif stated.query is not None:
            self._fault("a query is only run in a rule of type sql", "query", hint="add type: sql")
        elif stated.metric not in _METRICS and stated.rule is None:
            found = "metric is missing" if stated.metric is None else f"metric is {stated.metric!r}"
            self._fault(found, "metric", hint=f"one of: {', '.join(_METRICS)}; or type: sql with a query")
        elif stated.metric is not None:
            return self._metric(stated.metric)
        return None, {}

    def _metric(self, metric: str) -> tuple[RuleKind | None, Mapping[str, Any]]:
        if metric == "rowCount" and self.column is not None:
            self._fault("rowCount is of a table, not of a column", "metric", hint="move it to schema[0].quality")
        elif metric not in ("rowCount", "duplicateValues") and self.column is None:
            self._fault(f"{metric} is of a column, not of the table", "metric", hint="move it to a column's quality")
        else:
            return _READERS[metric](self)
        return None, {}

    def null_values(self) -> tuple[RuleKind | None, Mapping[str, Any]]:
        """`nullValues` takes no arguments."""
        self._take()
        return "not_null", {}

    def row_count(self) -> tuple[RuleKind | None, Mapping[str, Any]]:
        """`rowCount` takes no arguments."""
        self._take()
        return "row_count", {}

    def missing_values(self) -> tuple[RuleKind | None, Mapping[str, Any]]:
        """`missingValues` needs the list of what counts as missing; null is written `null`, without quotes."""
        listed = self._values("missingValues", self._take("missingValues").get("missingValues"))
        if any(value == "~" and is_null(value) for value in listed):
            self._argument_fault("~ can be read in two ways", "missingValues", hint="null for null, '~' for the text ~")
        texts = tuple(str(value) for value in listed if not is_null(value))
        return "missing_values", {"missing_values": texts, "null_is_missing": len(texts) < len(listed)}

    def invalid_values(self) -> tuple[RuleKind | None, Mapping[str, Any]]:
        """`invalidValues` needs a list of the valid values, or a pattern."""
        before = len(self.document.faults)
        given = self._take("validValues", "pattern")
        if len(self.document.faults) > before:
            return None, {}
        if len(given) != 1:
            found = "validValues and pattern stand in one rule" if given else "validValues or pattern is missing"
            self._argument_fault(found, hint="a rule for each" if given else "arguments: {validValues: […]}")
            return None, {}
        if "validValues" in given:
            listed = self._values("validValues", given["validValues"])
            if any(is_null(value) and value for value in listed):
                hint = "leave it out, as null is always valid; quote it for the text: 'null'"
                self._argument_fault("validValues lists null", "validValues", hint=hint)
            return "valid_values", {"valid_values": tuple(str(value) for value in listed)}
        pattern = given["pattern"]
        if not isinstance(pattern, str) or not pattern:
            self._argument_fault("pattern is not a text", "pattern", hint="pattern: '^[A-Z]{2}$'")
        return "pattern", {"pattern": str(pattern)}

    def duplicate_values(self) -> tuple[RuleKind | None, Mapping[str, Any]]:
        """`duplicateValues` is of a column, or of the columns that its `properties` name."""
        if self.column is not None:
            self._take()
            return "duplicates", {"columns": (self.column,)}
        listed = [str(name) for name in self._values("properties", self._take("properties").get("properties"))]
        for name in (n for n in listed if n not in self.names):
            self._argument_fault(f"there is no column {name!r}", "properties", hint=f"one of: {', '.join(self.names)}")
        return "duplicates", {"columns": tuple(dict.fromkeys(listed))}

    def _query(self) -> Mapping[str, Any]:
        query = self.stated.query
        if self.stated.metric is not None:
            self._fault("a rule of type sql has no metric", "metric", hint="make two rules of it")
        self._take()
        if not query:
            self._fault("query is missing", "query", hint="query: select count(*) from {object} where …")
        elif "{object}" not in query:
            self._fault("the query does not look at {object}", "query", hint="select … from {object} …")
        elif "{property}" in query and self.column is None:
            says = "{property} names a column, and this rule is of the table"
            self._fault(says, "query", hint="write the column's name")
        return {"query": query or ""}

    def _take(self, *names: str) -> Mapping[str, Any]:
        """The arguments of the rule, which may have these names only."""
        given = self.document.at((*self.path, "arguments")) or {}
        for key in (k for k in given if k not in names):
            known = f"the arguments are {' or '.join(names)}" if names else "it takes no arguments"
            what = self.stated.metric or "a rule of type sql"
            self.document.refuse_key(
                (*self.path, "arguments", key), f"{what} has no argument {key!r}", known=names, otherwise=known
            )
        return {name: given[name] for name in names if name in given}

    def _values(self, name: str, listed: Any) -> list[str]:
        """The texts of a list, as they are written."""
        if not isinstance(listed, list) or not listed or not all(isinstance(value, str) for value in listed):
            self._argument_fault(f"{name} is not a list of values", name, hint=f"{name}: [first, second]")
            return []
        if any(value == "" and isinstance(value, PlainText) for value in listed):
            self._argument_fault(f"{name} holds a value that is not written", name, hint="'' for the empty text")
        return listed

    def _unit(self, kind: RuleKind | None) -> Unit:
        unit = self._one_of("unit", UNITS, default="rows")
        if unit == "percent" and kind == "row_count":
            self._fault("rowCount has no percentage: all rows are 100 percent", "unit", hint="state a number of rows")
        elif unit == "percent" and kind == "sql":
            hint = "have the query give the percentage, such as 100.0 * count(…) / count(*), and leave unit out"
            self._fault("what a query gives is compared as it is", "unit", hint=hint)
        return cast(Unit, unit)

    def _one_of(self, key: str, allowed: Sequence[str], *, default: str) -> str:
        stated = getattr(self.stated, key)
        return default if stated is None else str(self.document.one_of(stated, key, allowed, self.path))

    def _conditions(self, kind: RuleKind | None) -> tuple[Condition, ...]:
        written = self.document.at(self.path) or {}
        given = [o for o in OPERATORS if o in written]
        is_misspelt = any(k.startswith("must") and k not in OPERATORS for k in written)
        are_readable = all(self.document.is_whole((*self.path, o)) for o in OPERATORS)
        if not given and not is_misspelt and are_readable and kind is not None:
            self.document.fault("states no operator", self.path, hint=_OPERATOR_HINT)
        made = [self._condition(operator, is_query=kind == "sql") for operator in given]
        return tuple(condition for condition in made if condition is not None)

    def _condition(self, operator: Any, *, is_query: bool) -> Condition | None:
        value = self.document.at((*self.path, operator))
        texts = value if isinstance(value, list) else [value]
        may_be_true = is_query and operator in _TRUTHS
        bounds = [_read_answer(t) if may_be_true else _read_number(t) for t in texts]
        many = operator in ("mustBeBetween", "mustNotBeBetween")
        numbers = [b for b in bounds if b is not None]
        if isinstance(value, list) != many or len(numbers) != len(texts) or len(texts) != 1 + many:
            words = "two numbers, the smaller first: [0, 10]" if many else "one number of at most 15 digits: 1000, 0.5"
            words += "; or true or false" if may_be_true else ""
            self._fault(f"{operator} is not {'a pair of numbers' if many else 'a number'}", operator, hint=words)
        elif many and numbers[0] >= numbers[1]:
            self._fault(f"{operator} does not have the smaller number first", operator, hint="[0, 10]")
        else:
            return Condition(operator, tuple(numbers))
        return None

    def _fault(self, message: str, key: str, *, hint: str) -> None:
        self.document.fault(message, (*self.path, key), hint=hint)

    def _argument_fault(self, message: str, name: str = "", *, hint: str) -> None:
        self.document.fault(message, (*self.path, "arguments", *((name,) if name else ())), hint=hint)


def _read_number(text: Any) -> Number | None:
    # As text, since that is how it was written: `1_000` is a thousand to some readers and a text to others.
    return read_bound(text) if isinstance(text, PlainText) else None


def _read_answer(text: Any) -> Number | None:
    return {"true": True, "false": False}.get(text.lower(), _read_number(text)) if isinstance(text, PlainText) else None


_READERS: Mapping[str, Callable[[_Reader], tuple[RuleKind | None, Mapping[str, Any]]]] = {
    "nullValues": _Reader.null_values,
    "missingValues": _Reader.missing_values,
    "invalidValues": _Reader.invalid_values,
    "duplicateValues": _Reader.duplicate_values,
    "rowCount": _Reader.row_count,
}
_ENDINGS: Mapping[RuleKind, str] = {
    "valid_values": "valid",
    "missing_values": "missing",
    "duplicates": "duplicates",
    "pattern": "pattern",
    "not_null": "not_null",
    "row_count": "row_count",
    "sql": "sql",
}
