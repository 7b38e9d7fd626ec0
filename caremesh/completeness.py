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

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from caremesh.errors import ContractError, join_errors

COMPLETENESS_PROPERTY = "caremesh.completeness"


@dataclass(frozen=True)
class CompletenessRule:
    """Which product each of these columns points to, and whether rows that point to nothing yet are held back.

    `places` says where each of `requires` stands in the contract: file, line and path.
    """

    requires: tuple[tuple[str, str], ...]
    holds: bool
    places: tuple[str, ...] = field(default=(), compare=False)

    @property
    def products(self) -> tuple[str, ...]:
        """The products that are pointed to, each once, by name."""
        return tuple(sorted({product for _, product in self.requires}))

    def place_of(self, product: str) -> str | None:
        """Where the contract first names a product."""
        named = zip(self.requires, self.places, strict=False)
        return next((place for (_, name), place in named if name == product), None)


class _Stated(BaseModel):
    """The property's value: any other key is a slip of the pen."""

    model_config = ConfigDict(extra="forbid")

    requires: dict[StrictStr, StrictStr] = Field(min_length=1)
    incomplete: Literal["list", "hold"] = "list"


def read_rule(
    stated: Any, *, columns: Mapping[str, str], where: Callable[[Sequence[str | int]], str]
) -> CompletenessRule:
    """Read the value of the property; raise ContractError that names every fault.

    `columns` are the contract's names and types; `where` gives the place of a part of the value.
    """
    try:
        rule = _Stated.model_validate(stated)
    except ValidationError as error:
        raise join_errors([_malformed(e["loc"], e["msg"], where) for e in error.errors()]) from None
    unfit = [
        ContractError(
            f"{COMPLETENESS_PROPERTY}: {fault}", where=where(("requires", name)), hint="name a column with an id"
        )
        for name in rule.requires
        if (fault := _unfit(name, columns))
    ]
    if unfit:
        raise join_errors(unfit)
    places = tuple(where(("requires", name)) for name in rule.requires)
    return CompletenessRule(tuple(rule.requires.items()), holds=rule.incomplete == "hold", places=places)


def _malformed(location: Sequence[str | int], says: str, where: Callable[[Sequence[str | int]], str]) -> ContractError:
    path = ".".join([COMPLETENESS_PROPERTY, *(str(part) for part in location)])
    hint = "requires: {patient_id: clinical.patient}, incomplete: list (or hold)"
    # Of the value as a whole the model would name its own class.
    words = says if location else "Input should be keys and values"
    return ContractError(f"{path}: {words}", where=where(location), hint=hint)


def _unfit(name: str, columns: Mapping[str, str]) -> str | None:
    if name not in columns:
        return f"there is no column {name!r}"
    return None if columns[name] == "varchar" else f"column {name!r} is {columns[name]}, and an id is varchar"


def order_by_need(
    needs: Mapping[str, Collection[str]], *, place: Callable[[str, str], str | None] = lambda _name, _needed: None
) -> tuple[str, ...]:
    """Names in an order in which each follows what it needs, else as they came; raise ContractError for a circle.

    A needed name that is not among them stays out, and so does what needs itself. `place` says where a name states
    that it needs another one.
    """
    ordered: list[str] = []
    waiting = {name: {n for n in needed if n in needs and n != name} for name, needed in needs.items()}
    while waiting:
        ready = [name for name, needed in waiting.items() if needed.issubset(ordered)]
        if not ready:
            circle = _find_circle(waiting)
            raise ContractError(
                f"{COMPLETENESS_PROPERTY}: these products require each other: {' → '.join(circle)}",
                where=place(circle[0], circle[1]),
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
