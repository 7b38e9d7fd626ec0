"""What CareMesh knows of a data product and of the domain that owns it: small frozen values, read from contracts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from caremesh.completeness import CompletenessRule
from caremesh.products.rules import Rule

CONTRACT_FILE = "contract.odcs.yaml"

SqlType = Literal["varchar", "boolean", "integer", "bigint", "double", "date", "timestamp"]
Classification = Literal["direct_identifier", "quasi_identifier", "clinical", "financial", "administrative"]


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
    """A data product: its contract in short, and its folder. `place` is the file, line and path of its name."""

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
    place: str = field(default="", compare=False)

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
