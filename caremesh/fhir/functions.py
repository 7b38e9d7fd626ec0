"""The FHIRPath functions of a view: one entry of FUNCTIONS each.

To add one: an entry here, a line per dialect where they differ, a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from caremesh.fhir.boundaries import HIGH, LOW, Boundary
from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.fhirpath import Ast, FhirPathError, Literal, Member, This
from caremesh.fhir.model import ROOT, Constant, Emit, Expression, Filter, Form, Guard, Operation, Variable
from caremesh.fhir.operands import to_boolean
from caremesh.fhir.operators import equal
from caremesh.fhir.scope import Choice, Scope, as_written, boolean, child, guard, item, member, one, over, plain, values
from caremesh.fhir.types import suggest

# What stands in these elements (`contained`) shows its type in the data alone.
_ANY_RESOURCE = ("Resource", "DomainResource")


@dataclass(frozen=True)
class Call:
    """One call in a path: what it stands on and what it was given."""

    scope: Scope
    base: Expression
    name: str
    arguments: tuple[Ast, ...]
    position: int
    resolve: Callable[[Ast, Scope], Expression]

    def error(self, message: str, hint: str | None = None) -> FhirPathError:
        """What to raise when this call cannot be."""
        return FhirPathError(f"{self.name}() {message}", position=self.position, hint=hint)

    def type_name(self, argument: Ast) -> str:
        """The argument as the name of a type: `Patient`, `FHIR.Patient`."""
        match argument:
            case Member(base=This(), name=name) | Member(base=Member(base=This(), name="FHIR"), name=name):
                return name
        raise self.error("wants the name of a type", hint=f"{self.name}(Patient)")


@dataclass(frozen=True)
class Function:
    """How a function is checked and resolved: how many arguments it takes, and what it gives."""

    build: Callable[[Call], Expression]
    least: int = 0
    most: int = 0


def call_function(call: Call) -> Expression:
    """Resolve one call; raise FhirPathError for an unknown function or a wrong number of arguments."""
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise call.error("is no function of a view", hint=suggest(call.name, FUNCTIONS))
    if not function.least <= len(call.arguments) <= function.most:
        raise call.error(f"takes {function.least} to {function.most} arguments; found {len(call.arguments)}")
    return function.build(call)


def _where(call: Call) -> Expression:
    return _filter(call, plain(call.base, call.position))


def _filter(call: Call, base: Expression) -> Expression:
    if isinstance(base, Guard):
        return guard(base.criterion, _filter(call, base.value))
    if not base.many:
        return guard(_criterion(call, base), base)
    variable = call.scope.item_of(base)
    return _filtered(base, variable, _criterion(call, variable))


def _filtered(base: Expression, variable: Variable, criterion: Expression) -> Filter:
    return Filter(
        type=base.type,
        form=base.form,
        many=True,
        place=base.place,
        base=base,
        variable=variable.name,
        criterion=criterion,
    )


def _criterion(call: Call, focus: Expression) -> Expression:
    found = call.resolve(call.arguments[0], call.scope.at(focus))
    return to_boolean(found, call.arguments[0].position)


def _exists(call: Call) -> Expression:
    base = _filter(call, plain(call.base, call.position)) if call.arguments else call.base
    if isinstance(base, Choice):
        return _holds(call.scope, base, base.element.types)
    return _presence(base)


def _empty(call: Call) -> Expression:
    base = call.base
    if isinstance(base, Choice) or base.many or isinstance(base, Guard | Variable):
        return _operation(lambda _, x: f"not {x}", _exists(call))
    return _operation(lambda _, x: f"{x} is null", base)


def _presence(base: Expression) -> Expression:
    if isinstance(base, Guard):
        return _operation(lambda d, a, b: d.both(a, b), base.criterion, _presence(base.value))
    if isinstance(base, Variable) and base.name == ROOT:
        return boolean(True)
    if base.many:
        return _operation(lambda d, xs: d.not_empty(values(d, base, xs)), base)
    return _operation(lambda _, x: f"{x} is not null", base)


def _holds(scope: Scope, base: Choice, types: Sequence[str], *, once_at: int | None = None) -> Expression:
    """Whether a choice element holds a value of one of these types; below a list, whether one of its items does.

    With a position, that several items do is an error.
    """
    holder = base.base
    if isinstance(holder, Guard):
        inner = _holds(scope, replace(base, base=holder.value), types, once_at=once_at)
        return _operation(lambda d, a, b: d.both(a, b), holder.criterion, inner)
    if not holder.many:
        fields = [child(scope, holder, base.element, t) for t in types]
        return _operation(lambda _, *xs: "(" + " or ".join(f"{x} is not null" for x in xs) + ")", *fields)
    variable = scope.item_of(holder)
    found = _filtered(holder, variable, _holds(scope, replace(base, base=variable), types))
    return _presence(found if once_at is None else one(found, once_at))


def _not(call: Call) -> Expression:
    return _operation(lambda _, x: f"not ({x})", to_boolean(one(call.base, call.position), call.position), strict=True)


def _first(call: Call) -> Expression:
    return item(plain(call.base, call.position), None)


def _of_type(call: Call) -> Expression:
    wanted = call.type_name(call.arguments[0])
    choice = call.base
    if not isinstance(choice, Choice):
        if choice.type != wanted:
            raise call.error(f"never finds {wanted}: the path gives {choice.type}", hint=f"ofType({choice.type})")
        return choice
    if wanted not in choice.element.types:
        raise call.error(f"never finds {wanted} in {choice.type}", hint=suggest(wanted, choice.element.types))
    return over(call.scope, choice.base, lambda b: child(call.scope, b, choice.element, wanted))


def _is(call: Call) -> Expression:
    """Whether a value is of a type or of one that specialises it; empty where there is none."""
    wanted, types, base = call.type_name(call.arguments[0]), call.scope.types, call.base
    if not types.is_type(wanted):
        raise call.error(f"{wanted} is no type", hint=suggest(wanted, types.parents))
    if not isinstance(base, Choice):
        if base.type in _ANY_RESOURCE and not types.is_kind_of(base.type, wanted):
            raise call.error(f"cannot tell: a {base.type} may be of any type", hint="leave this condition out")
        found = _presence(one(base, call.position))
        same = "true" if types.is_kind_of(base.type, wanted) else "false"
        return _operation(lambda _, x: f"case when {x} then {same} end", found)
    kinds = [kind for kind in base.element.types if types.is_kind_of(kind, wanted)]
    if not kinds:
        raise call.error(f"never finds {wanted} in {base.type}", hint=suggest(wanted, base.element.types))
    some = _holds(call.scope, base, base.element.types, once_at=call.position)
    return _operation(lambda _, x, y: f"case when {x} then {y} end", some, _holds(call.scope, base, kinds))


def _as(call: Call) -> Expression:
    found, base = one(_of_type(call), call.position), call.base
    if not isinstance(base, Choice) or not base.base.many:
        return found
    # Several values are an error, also where they are of different types.
    return guard(_holds(call.scope, base, base.element.types, once_at=call.position), found)


def _extension(call: Call) -> Expression:
    url = call.arguments[0]
    if not isinstance(url, Literal) or url.kind != "string":
        raise call.error("wants the URL as text", hint="extension('http://…')")
    extensions = member(call.scope, call.base, "extension", call.position)
    variable = call.scope.item_of(extensions)
    named = Constant(type="uri", form="text", value=url.text)
    url_of = member(call.scope, variable, "url", call.position)
    return _filtered(extensions, variable, equal(url_of, named, call.position))


def _join(call: Call) -> Expression:
    separator = call.arguments[0] if call.arguments else Literal("string", "", call.position)
    if not isinstance(separator, Literal) or separator.kind != "string":
        raise call.error("wants the separator as text", hint="join(',')")
    base = plain(call.base, call.position)
    if base.form != "text":
        raise call.error(f"joins text; the path gives {base.type}")
    if not base.many:
        return base
    # An empty result can only come from nothing: FHIR has no empty strings.
    return _operation(
        lambda d, xs: f"nullif({d.join(xs, d.text(separator.text))}, '')", base, strict=True, fhir_type="string"
    )


def _split(call: Call) -> Expression:
    separator, base = call.arguments[0], one(call.base, call.position)
    if not isinstance(separator, Literal) or separator.kind != "string" or not separator.text:
        raise call.error("wants the separator as text", hint="split(',')")
    if base.form != "text":
        raise call.error(f"takes text apart; the path gives {base.type}")
    return Operation(
        type="string",
        form="text",
        many=True,
        operands=(base,),
        needs_all=True,
        emit=lambda d, x: d.split(x, d.text(separator.text)),
    )


def _resource_key(call: Call) -> Expression:
    if not (isinstance(call.base, Variable) and call.base.name == ROOT):
        raise call.error("is known for the resource itself", hint="use it at the start of a path outside forEach")
    return member(call.scope, call.base, "id", call.position)


def _reference_key(call: Call) -> Expression:
    wanted = call.type_name(call.arguments[0]) if call.arguments else None
    if wanted is not None and wanted not in call.scope.types.resources:
        raise call.error(f"{wanted} is no resource type", hint=suggest(wanted, call.scope.types.resources))
    base = plain(call.base, call.position)
    if base.type != "Reference":
        raise call.error(f"wants a Reference; the path gives {base.type}")

    def key(reference: Expression) -> Expression:
        text = member(call.scope, reference, "reference", call.position)
        found = _operation(lambda d, x: _key_sql(d, x, wanted), text, strict=True, fhir_type="string")
        return replace(found, dear=True)

    return over(call.scope, base, key)


def _key_sql(dialect: Dialect, reference: str, wanted: str | None) -> str:
    """The id of a relative reference, of any version of the resource; null for every other reference.

    Most references are `Patient/1`, and are taken apart without a regular expression, which costs a tenth of a job.
    """
    pattern = dialect.extract(reference, rf"^{wanted or '[A-Z][A-Za-z]*'}/([^/]+)(?:/_history/[^/]+)?\z")
    if wanted is None:
        return pattern
    # No nullif: DuckDB computes its operand twice.
    return (
        f"case when {reference} like '{wanted}/%/%' then {pattern}"
        f" when {reference} = '{wanted}/' then null"
        f" when starts_with({reference}, '{wanted}/') then substr({reference}, {len(wanted) + 2}) end"
    )


def _boundary(end: Boundary) -> Callable[[Call], Expression]:
    writers = {"date": end.of_date, "dateTime": end.of_date_time, "instant": end.of_date_time, "time": end.of_time}

    def build(call: Call) -> Expression:
        base = one(call.base, call.position)
        if base.type in writers:
            write = writers[base.type]
            return _operation(lambda d, x: d.let(x, "b", lambda b: write(d, b)), base, strict=True, fhir_type=base.type)
        if base.type != "decimal":
            raise call.error(f"is known for decimals, dates and times; the path gives {base.type}")
        if not as_written(call.scope, base):
            raise call.error("needs a decimal of the resource: a computed one has no last place")
        return Operation(
            type="decimal",
            form="double",
            operands=(base,),
            needs_all=True,
            emit=lambda d, x: d.let(x, "b", lambda b: end.of_number(d, b)),
        )

    return build


def _operation(emit: Emit, *operands: Expression, strict: bool = False, fhir_type: str = "boolean") -> Operation:
    form: Form = "boolean" if fhir_type == "boolean" else "text"
    return Operation(type=fhir_type, form=form, emit=emit, operands=operands, needs_all=strict)


FUNCTIONS: Mapping[str, Function] = {
    "where": Function(_where, 1, 1),
    "exists": Function(_exists, 0, 1),
    "empty": Function(_empty),
    "not": Function(_not),
    "first": Function(_first),
    "ofType": Function(_of_type, 1, 1),
    "as": Function(_as, 1, 1),
    "is": Function(_is, 1, 1),
    "extension": Function(_extension, 1, 1),
    "join": Function(_join, 0, 1),
    "split": Function(_split, 1, 1),
    "getResourceKey": Function(_resource_key),
    "getReferenceKey": Function(_reference_key, 0, 1),
    "lowBoundary": Function(_boundary(LOW)),
    "highBoundary": Function(_boundary(HIGH)),
}
