"""Requests and answers held against the model of a service that botocore ships.

botocore's own check knows types, the names of members and least lengths; this adds enums, patterns and greatest lengths
(https://smithy.io/2.0/spec/constraint-traits.html). No fault shows a value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

CHECKED = frozenset({"athena", "glue"})
"""The services that are held against their model; S3 has moto's own checks."""

# Java's pairs of surrogates are one character in Python, which has no classes of letters either.
_JAVA = ((r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff"), (r"[\p{L}\p{N}\p{P}]", "."))


def request_faults(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters of a request."""
    shape = model_of(service).operation_model(operation).input_shape
    return faults(params, shape) if shape else []


def answer_faults(service: str, operation: str, answer: Mapping[str, Any]) -> list[str]:
    """What is wrong with an answer."""
    shape = model_of(service).operation_model(operation).output_shape
    return faults(answer, shape) if shape else []


def faults(value: Any, shape: Shape) -> list[str]:
    """What is wrong with a value of a shape."""
    found = ParamValidator().validate(value, shape)
    # Its own report shows the values.
    members = [
        (kind, path, more.get("required_name") or more.get("unknown_param")) for kind, path, more in found._errors
    ]
    wrong = [f"{path}.{member}: {kind}" if member else f"{path}: {kind}" for kind, path, member in members]
    return wrong or list(_walk(value, shape, ""))


@functools.cache
def model_of(service: str) -> ServiceModel:
    """The model of a service."""
    return botocore.session.get_session().get_service_model(service)


def _walk(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name, inner in value.items():
            if inner is not None:
                yield from _walk(inner, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        yield from _check_size(value, shape, path)
        for place, inner in enumerate(value):
            yield from _walk(inner, shape.member, f"{path}[{place}]")
    elif isinstance(shape, MapShape):
        for key, inner in value.items():
            yield from _walk(key, shape.key, f"{path}.<key>")
            yield from _walk(inner, shape.value, f"{path}.<value>")
    elif shape.type_name in ("integer", "long"):
        if value > shape.metadata.get("max", value):
            yield f"{path}: more than {shape.metadata['max']}"
    elif shape.type_name == "string":
        yield from _check_size(value, shape, path)
        yield from _check_text(value, shape, path)


def _check_size(value: Sequence[Any], shape: Shape, path: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield f"{path}: longer than {most}"


def _check_text(value: str, shape: Shape, path: str) -> Iterator[str]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{path}: none of {', '.join(allowed)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _compile(pattern).fullmatch(value):
        yield f"{path}: does not match {pattern}"


@functools.cache
def _compile(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA:
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
