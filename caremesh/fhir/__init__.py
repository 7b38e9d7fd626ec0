"""SQL on FHIR: ViewDefinition JSON in, SQL over pruned typed structs out; pure, no I/O.

definition (the JSON, checked) → fhirpath (syntax) → resolve (types) → model → compiler (SQL of one dialect)
"""

from caremesh.fhir.compiler import LONGEST_STATEMENT, SHORTEN, CompiledView, ViewColumn, compile_view
from caremesh.fhir.dialects.athena import ATHENA
from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.dialects.duckdb import DUCKDB
from caremesh.fhir.model import View
from caremesh.fhir.shape import Array, Leaf, Node, Struct, exact_names, mismatch, with_numbers
from caremesh.fhir.types import FhirTypes, load_types
from caremesh.fhir.views import parse_view

__all__ = [
    "ATHENA",
    "DUCKDB",
    "LONGEST_STATEMENT",
    "SHORTEN",
    "Array",
    "CompiledView",
    "Dialect",
    "FhirTypes",
    "Leaf",
    "Node",
    "Struct",
    "View",
    "ViewColumn",
    "compile_view",
    "exact_names",
    "load_types",
    "mismatch",
    "parse_view",
    "with_numbers",
]
