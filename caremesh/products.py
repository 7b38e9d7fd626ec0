"""Data products: finds `domains/<domain>/<product>/` and reads contracts; nothing else in CareMesh does.

A contract is an ODCS v3.1 YAML file (https://bitol-io.github.io/open-data-contract-standard/v3.1.0/).
The `open-data-contract-standard` model checks its form; this module checks what CareMesh needs beyond the form,
and hands out small frozen values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import ValidationError

from caremesh.completeness import COMPLETENESS_PROPERTY, CompletenessRule, order_by_need, read_rule
from caremesh.errors import ContractError, UsageError

CONTRACT_FILE = "contract.odcs.yaml"
RESERVED_DOMAINS = ("caremesh", "curated", "ledger", "quarantine")
"""Names that the lake's database needs for itself."""
VIEW_PROPERTY = "caremesh.view"

SqlType = Literal["varchar", "boolean", "integer", "bigint", "double", "date", "timestamp"]
Classification = Literal["direct_identifier", "quasi_identifier", "clinical", "financial", "administrative"]
Severity = Literal["critical", "warning", "info"]
RuleKind = Literal["valid_values", "pattern", "not_null", "row_count", "sql"]


@dataclass(frozen=True)
class Rule:
    """One explicit quality rule of a contract; keys, `required` and `unique` are rules by themselves.

    `column` is None for a rule on the whole table. `limit` is how many rows may break the rule (the contract's
    `mustBe` or `mustBeLessOrEqualTo`); for `row_count` it is the least number of rows.
    """

    name: str
    kind: RuleKind
    column: str | None
    severity: Severity
    description: str
    limit: int
    valid_values: tuple[str, ...] = ()
    pattern: str = ""
    query: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a product, as its contract states it."""

    name: str
    sql_type: SqlType
    classification: Classification
    description: str
    required: bool = False
    unique: bool = False
    key_position: int | None = None


@dataclass(frozen=True)
class Product:
    """A data product: its contract in short, and the folder it stands in."""

    domain: str
    name: str
    version: str
    title: str
    purpose: str
    limitations: str
    description: str
    grain: str
    owner: str
    team: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    folder: Path
    view_files: tuple[Path, ...]
    contract_digest: str
    completeness: CompletenessRule | None = None

    @property
    def id(self) -> str:
        """`<domain>.<product>`: its name in SQL, in messages and in every catalog."""
        return f"{self.domain}.{self.name}"

    @property
    def contract_file(self) -> Path:
        """The contract this product was read from."""
        return self.folder / CONTRACT_FILE

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key columns, in key order."""
        keyed = [(c.key_position, c.name) for c in self.columns if c.key_position is not None]
        return tuple(name for _, name in sorted(keyed))

    @property
    def required(self) -> tuple[str, ...]:
        """Ids of the other products that have to be there before this one's completeness can be told."""
        return tuple(name for name in self.completeness.products if name != self.id) if self.completeness else ()


@dataclass(frozen=True)
class Domain:
    """A team that owns data products: one folder under `domains/`."""

    name: str
    owner: str
    team: str
    description: str
    products: tuple[Product, ...]


def find_domains(root: Path) -> tuple[Domain, ...]:
    """Read every domain and product under `root` (the `domains/` folder), sorted by name.

    Raises ContractError for the first folder that is not valid.
    """
    if not root.is_dir():
        raise ContractError("there is no domains folder", where=str(root), hint="give --project DIR")
    domains = tuple(_read_domain(folder) for folder in sorted(root.iterdir()) if (folder / "domain.yaml").is_file())
    _refuse_unknown_requirements(domains)
    return domains


def select_products(
    domains: Iterable[Domain], *, domain: str | None = None, product: str | None = None
) -> tuple[Product, ...]:
    """Keep the products of one domain, or the one called `<domain>.<product>`, or all; raise UsageError if none."""
    everything = [p for d in domains for p in d.products]
    kept = [p for p in everything if (not domain or p.domain == domain) and (not product or p.id == product)]
    if not kept:
        known = ", ".join(p.id for p in everything) or "none"
        asked = f"matches {product or domain!r}" if product or domain else "was found"
        raise UsageError(f"no data product {asked}", hint=f"one of: {known}")
    return tuple(kept)


def order_products(products: Iterable[Product]) -> tuple[Product, ...]:
    """The products in an order in which each follows those that it requires."""
    by_id = {p.id: p for p in products}
    return tuple(by_id[name] for name in order_by_need({p.id: p.required for p in by_id.values()}))


def read_product(folder: Path) -> Product:
    """Read one product folder; raise ContractError where its contract is not valid."""
    file = folder / CONTRACT_FILE
    text = _read_text(file)
    contract = _parse(text, file)
    table = _only_table(contract, file)
    domain, name = folder.parent.name, folder.name
    if (contract.domain, table.name, contract.id) != (domain, name, f"{domain}.{name}"):
        raise ContractError(
            f"domain {contract.domain!r}, id {contract.id!r} and table {table.name!r} do not agree with the folder",
            where=str(file),
            hint=f"domain: {domain}, id: {domain}.{name}, schema[0].name: {name}",
        )
    columns = tuple(_column(p, i, file) for i, p in enumerate(table.properties or []))
    rules = tuple(_rules(table, file))
    _refuse_duplicates("columns", [c.name for c in columns], file)
    _refuse_duplicates("checks", [r.name for r in rules], file)
    product = Product(
        domain=domain,
        name=name,
        version=_required(contract.version, "version", file),
        title=_required(contract.name, "name", file),
        purpose=_required(_purpose(contract), "description.purpose", file),
        limitations=getattr(contract.description, "limitations", None) or "",
        description=_required(table.description, "schema[0].description", file),
        grain=_required(table.dataGranularityDescription, "schema[0].dataGranularityDescription", file),
        owner=_owner(contract, file),
        team=(contract.team and getattr(contract.team, "name", None)) or "",
        columns=columns,
        rules=rules,
        folder=folder,
        view_files=_view_files(contract, folder),
        contract_digest=hashlib.sha256(text.encode()).hexdigest(),
        completeness=_completeness(contract, columns, file),
    )
    if not product.key:
        raise ContractError("no column is a primaryKey", where=str(file), hint="mark the columns of the grain")
    return product


def _read_domain(folder: Path) -> Domain:
    file = folder / "domain.yaml"
    try:
        stated = _load_yaml(_read_text(file))
    except yaml.YAMLError as error:
        raise ContractError(f"not valid YAML: {error}", where=str(file)) from None
    missing = [k for k in ("name", "owner", "team", "description") if not (isinstance(stated, dict) and stated.get(k))]
    if missing:
        raise ContractError(f"missing {', '.join(missing)}", where=str(file), hint="state them as plain text")
    if folder.name in RESERVED_DOMAINS:
        raise ContractError(f"no domain can be called {folder.name!r}", where=str(file), hint="choose another name")
    if stated["name"] != folder.name:
        raise ContractError(f"name is {stated['name']!r}", where=str(file), hint=f"name: {folder.name}")
    folders = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "_")))
    products = tuple(read_product(p) for p in folders)
    return Domain(
        name=folder.name,
        owner=stated["owner"],
        team=stated["team"],
        description=stated["description"].strip(),
        products=products,
    )


def _load_yaml(text: str) -> Any:
    """Read YAML by the C library where it is: ten times as fast, with the same values."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"cannot be read: {error}", where=str(file)) from None


def _parse(text: str, file: Path) -> OpenDataContractStandard:
    try:
        stated = _load_yaml(text)
        if not isinstance(stated, dict):
            raise ContractError("is no ODCS document", where=str(file), hint="copy one of another product, and edit it")
        contract = OpenDataContractStandard(**stated)
    except yaml.YAMLError as error:
        raise ContractError(f"not valid YAML: {error}", where=str(file)) from None
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"not a valid ODCS contract: {path}: {first['msg']}", where=str(file)) from None
    # The model passes over keys that it does not know: a misspelt `required` would be a check that is never made.
    _refuse_unknown_keys(stated, contract.model_dump(by_alias=True, exclude_unset=True), "$", file)
    return contract


def _refuse_unknown_keys(stated: Any, known: Any, path: str, file: Path) -> None:
    if isinstance(stated, list) and isinstance(known, list):
        for index, (left, right) in enumerate(zip(stated, known, strict=True)):
            _refuse_unknown_keys(left, right, f"{path}[{index}]", file)
    if isinstance(stated, dict) and isinstance(known, dict):
        for key, value in stated.items():
            if key not in known:
                raise ContractError(
                    f"{path}: ODCS 3.1 has no key {key!r} here",
                    where=str(file),
                    hint="correct its spelling; what is your own goes under customProperties",
                )
            _refuse_unknown_keys(value, known[key], f"{path}.{key}", file)


def _only_table(contract: OpenDataContractStandard, file: Path) -> SchemaObject:
    tables = contract.schema_ or []
    if len(tables) != 1:
        raise ContractError(
            f"schema lists {len(tables)} tables", where=str(file), hint="one contract describes one table"
        )
    return tables[0]


def _column(stated: SchemaProperty, index: int, file: Path) -> Column:
    where = f"{file}: schema[0].properties[{index}] ({stated.name})"
    sql_type = _one_of(stated.physicalType, "physicalType", get_args(SqlType), where)
    classification = _one_of(stated.classification, "classification", get_args(Classification), where)
    return Column(
        name=_required(stated.name, "name", where),
        sql_type=sql_type,
        classification=classification,
        description=_required(stated.description, "description", where),
        required=bool(stated.required),
        unique=bool(stated.unique),
        key_position=(stated.primaryKeyPosition or 1) if stated.primaryKey else None,
    )


def _rules(table: SchemaObject, file: Path) -> Iterable[Rule]:
    for index, rule in enumerate(table.quality or []):
        yield _rule(rule, None, f"{file}: schema[0].quality[{index}]")
    for stated in table.properties or []:
        for index, rule in enumerate(stated.quality or []):
            yield _rule(rule, stated.name, f"{file}: schema[0].properties ({stated.name}).quality[{index}]")


def _rule(stated: DataQuality, column: str | None, where: str) -> Rule:
    severity = _one_of(stated.severity or "critical", "severity", get_args(Severity), where)
    arguments = stated.arguments or {}
    common: dict[str, Any] = {"column": column, "severity": severity, "description": stated.description or ""}
    limit = int(stated.mustBe or stated.mustBeLessOrEqualTo or 0)
    subject = column or "table"
    if stated.type == "sql" and stated.query:
        if "{object}" not in stated.query:
            raise ContractError("the query does not look at {object}", where=where, hint="select … from {object} …")
        return Rule(name=stated.name or f"{subject}_sql", kind="sql", limit=limit, query=stated.query, **common)
    if stated.metric == "invalidValues" and column and arguments.get("validValues"):
        values = tuple(str(v) for v in arguments["validValues"])
        return Rule(
            name=stated.name or f"{column}_valid", kind="valid_values", limit=limit, valid_values=values, **common
        )
    if stated.metric == "invalidValues" and column and arguments.get("pattern"):
        pattern = str(arguments["pattern"])
        return Rule(name=stated.name or f"{column}_pattern", kind="pattern", limit=limit, pattern=pattern, **common)
    if stated.metric == "nullValues" and column:
        return Rule(name=stated.name or f"{column}_not_null", kind="not_null", limit=limit, **common)
    if stated.metric == "rowCount" and column is None:
        least = int(stated.mustBeGreaterOrEqualTo or 0)
        return Rule(name=stated.name or "table_row_count", kind="row_count", limit=least, **common)
    raise ContractError(
        f"no check is known for metric {stated.metric!r}, type {stated.type!r}",
        where=where,
        hint="metric invalidValues (validValues or pattern), nullValues or rowCount; or type sql with a query",
    )


def _owner(contract: OpenDataContractStandard, file: Path) -> str:
    members = getattr(contract.team, "members", None) or []
    owners = [m.username for m in members if m.role == "owner" and m.username]
    return _required(owners[0] if owners else None, "team.members with role: owner", file)


def _view_files(contract: OpenDataContractStandard, folder: Path) -> tuple[Path, ...]:
    """The files of `caremesh.view`: its value is one name or a list of names, and it may stand several times."""
    stated = [p.value for p in contract.customProperties or [] if p.property == VIEW_PROPERTY]
    names = [str(name) for value in stated for name in (value if isinstance(value, list) else [value])]
    _refuse_duplicates("views", names, folder / CONTRACT_FILE)
    for file in (folder / name for name in names):
        if not file.is_file():
            raise ContractError(f"{VIEW_PROPERTY} names a file that is not there", where=str(file))
    return tuple(folder / name for name in names)


def _completeness(contract: OpenDataContractStandard, columns: Iterable[Column], file: Path) -> CompletenessRule | None:
    stated = [p.value for p in contract.customProperties or [] if p.property == COMPLETENESS_PROPERTY]
    if len(stated) > 1:
        raise ContractError(f"{COMPLETENESS_PROPERTY} stands twice", where=str(file), hint="put all in one")
    types = {c.name: c.sql_type for c in columns}
    return read_rule(stated[0], columns=types, where=str(file)) if stated else None


def _refuse_unknown_requirements(domains: Iterable[Domain]) -> None:
    """Raise where a product requires one that cannot be required: what counts is which resources have arrived."""
    known = {p.id: p for d in domains for p in d.products}
    for product in known.values():
        for name in product.completeness.products if product.completeness else ():
            if name not in known:
                fault, hint = f"there is no product {name!r}", f"one of: {', '.join(known)}"
            elif len(known[name].view_files) != 1:
                fault = f"{name} has {len(known[name].view_files)} views, so that no type of FHIR goes with its ids"
                hint = "require a product with one view"
            else:
                continue
            raise ContractError(f"{COMPLETENESS_PROPERTY}: {fault}", where=str(product.contract_file), hint=hint)
    order_products(known.values())


def _purpose(contract: OpenDataContractStandard) -> str | None:
    # ODCS 3.2 allows a plain text in place of the three parts.
    stated = contract.description
    return stated if isinstance(stated, str) else getattr(stated, "purpose", None)


def _required(value: str | None, name: str, where: Path | str) -> str:
    if not value:
        raise ContractError(f"{name} is missing", where=str(where))
    return value


def _one_of(value: str | None, name: str, allowed: tuple[str, ...], where: str) -> Any:
    if value not in allowed:
        found = "is missing" if value is None else f"is {value!r}"
        raise ContractError(f"{name} {found}", where=where, hint=f"one of: {', '.join(allowed)}")
    return value


def _refuse_duplicates(things: str, names: list[str], file: Path) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ContractError(f"{things} stand twice: {', '.join(twice)}", where=str(file), hint="give each its own name")
