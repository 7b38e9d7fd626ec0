"""Completeness as a contract asks for it: which columns must name resources that have arrived, and what to do if not.

    customProperties:
      - property: caremesh.completeness
        value:
          requires: {patient_id: clinical.patient, part_of_id: clinical.encounter}
          incomplete: list

`requires` says, for each column that holds the id of a resource, which product holds that resource; the product itself
may be named too. `incomplete: list` lists the rows whose resources have not all arrived, `hold` also keeps them back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from caremesh.errors import ContractError

COMPLETENESS_PROPERTY = "caremesh.completeness"


@dataclass(frozen=True)
class CompletenessRule:
    """Which product each of these columns points to, and whether rows that point to nothing yet are held back."""

    requires: tuple[tuple[str, str], ...]
    holds: bool

    @property
    def products(self) -> tuple[str, ...]:
        """The products that are pointed to, each once, by name."""
        return tuple(sorted({product for _, product in self.requires}))


class _Stated(BaseModel):
    """The property's value: whatever else stands there is a slip of the pen."""

    model_config = ConfigDict(extra="forbid")

    requires: dict[StrictStr, StrictStr] = Field(min_length=1)
    incomplete: Literal["list", "hold"] = "list"


def read_rule(stated: Any, *, columns: Mapping[str, str], where: str) -> CompletenessRule:
    """Read the value of the property; `columns` are the contract's names and types. Raises ContractError."""
    try:
        rule = _Stated.model_validate(stated)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([COMPLETENESS_PROPERTY, *(str(part) for part in first["loc"])])
        raise ContractError(
            f"{path}: {first['msg']}",
            where=where,
            hint="requires: {patient_id: clinical.patient}, incomplete: list (or hold)",
        ) from None
    for name in rule.requires:
        if columns.get(name) != "varchar":
            fault = f"column {name!r} is {columns[name]}, and an id is varchar" if name in columns else f"no {name!r}"
            raise ContractError(f"{COMPLETENESS_PROPERTY}: {fault}", where=where, hint="name a column with an id")
    return CompletenessRule(tuple(rule.requires.items()), holds=rule.incomplete == "hold")


def order_by_need(needs: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Names in an order in which each follows what it needs, else as they came; raise ContractError for a circle.

    What is needed and no name here stays out, and so does what needs itself.
    """
    ordered: list[str] = []
    waiting = {name: {n for n in needed if n in needs and n != name} for name, needed in needs.items()}
    while waiting:
        ready = [name for name, needed in waiting.items() if needed.issubset(ordered)]
        if not ready:
            circle = _find_circle(waiting)
            raise ContractError(
                f"{COMPLETENESS_PROPERTY}: these products require each other: {' → '.join(circle)}",
                hint="drop one of these requirements; a product may only require itself",
            )
        ordered += ready
        for name in ready:
            del waiting[name]
    return tuple(ordered)


def _find_circle(waiting: Mapping[str, Collection[str]]) -> list[str]:
    """A way from a name back to it, among names of which each waits for another one."""
    way = [min(waiting)]
    while len(set(way)) == len(way):
        way.append(min(name for name in waiting[way[-1]] if name in waiting))
    return way[way.index(way[-1]) :]
