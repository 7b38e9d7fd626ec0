"""`repeat`: one path taken again and again, unrolled by type, since SQL's structs have no recursive types.

A Questionnaire's `item` holds items, which hold items. Each place where an item can stand becomes a level with its own
columns. How deep that goes is limited, and items below the last level are an error when the SQL runs, never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from caremesh.fhir.model import Expression, Level, Repeat, Select, Variable
from caremesh.fhir.scope import Scope
from caremesh.fhir.union import unify

MOST_LEVELS = 10
# Every place costs SQL and a branch of the shape; two paths double them with each level.
MOST_PLACES = 64


class UnevenLevelsError(Exception):
    """The columns of a repeat differ from one level to the next."""


@dataclass(frozen=True)
class Unroller:
    """How to read the parts of one repeat: `find` a path (None where the type has no such element), and its `body`."""

    paths: Sequence[str]
    find: Callable[[str, Scope], Expression | None]
    body: Callable[[Scope], Select]
    describe: Callable[[Select], object]

    def unroll(self, scope: Scope, *, levels: int | None) -> Repeat | None:
        """Give the levels below a focus; None where no path ever finds anything. `levels` overrides their limit."""
        (index,) = scope.fresh("i")
        most = scope.levels_left if scope.levels_left is not None else levels or self._choose_levels(scope)
        found = self._levels(scope.counting(index), most)
        bodies = list(_bodies(found))
        if not bodies:
            return None
        if any(self.describe(b) != self.describe(bodies[0]) for b in bodies):
            raise UnevenLevelsError
        unified = iter(unify(tuple(bodies)))
        evened = tuple(_with_bodies(level, unified) for level in found)
        return Repeat(levels=evened, index=index, columns=evened[0].body.all_columns)

    def _levels(self, scope: Scope, most: int) -> tuple[Level, ...]:
        found = (self.find(path, scope) for path in self.paths)
        return tuple(self._level(path, scope, most) for path in found if path is not None)

    def _level(self, path: Expression, scope: Scope, most: int) -> Level:
        (element,) = scope.fresh("e")
        inner = replace(scope.at(_item(path, element)), levels_left=most - 1)
        below = [self.find(text, inner) for text in self.paths]
        return Level(
            path=path,
            element=element,
            body=self.body(inner),
            levels=self._levels(inner, most - 1) if most > 1 else (),
            beyond=() if most > 1 else tuple(p for p in below if p is not None),
        )

    def _choose_levels(self, scope: Scope) -> int:
        """As many levels as keep the number of places bearable."""
        places, focuses, levels = 0, [scope], 0
        while focuses and levels < MOST_LEVELS:
            found = [(s, self.find(path, s)) for s in focuses for path in self.paths]
            focuses = [s.at(_item(path, "e")) for s, path in found if path is not None]
            places += len(focuses)
            if places > MOST_PLACES:
                break
            levels += 1
        return max(levels, 1)


def _item(path: Expression, name: str) -> Variable:
    return Variable(type=path.type, form=path.form, place=path.place, name=name)


def _bodies(levels: Sequence[Level]) -> Iterator[Select]:
    for level in levels:
        yield level.body
        yield from _bodies(level.levels)


def _with_bodies(level: Level, bodies: Iterator[Select]) -> Level:
    """Put bodies back, in the order in which `_bodies` gave them."""
    body = next(bodies)
    return replace(level, body=body, levels=tuple(_with_bodies(below, bodies) for below in level.levels))
