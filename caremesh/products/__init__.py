"""Data products: finds `domains/<domain>/<product>/` and reads contracts; nothing else in CareMesh does.

domains   finds the folders ──▶ contract   reads a contract (ODCS 3.1) ──▶ product   the frozen values
                                rules      reads its quality rules
                                document   reads YAML as people write it
"""

from caremesh.products.contract import VIEW_PROPERTY, read_product
from caremesh.products.domains import RESERVED_DOMAINS, find_domains, order_products, select_products
from caremesh.products.product import CONTRACT_FILE, Classification, Column, Domain, Product, SqlType
from caremesh.products.rules import Rule, RuleKind, Severity
from caremesh.products.source_column import SOURCE_LINES

__all__ = [
    "CONTRACT_FILE",
    "RESERVED_DOMAINS",
    "SOURCE_LINES",
    "VIEW_PROPERTY",
    "Classification",
    "Column",
    "Domain",
    "Product",
    "Rule",
    "RuleKind",
    "Severity",
    "SqlType",
    "find_domains",
    "order_products",
    "read_product",
    "select_products",
]
