"""Data products: finds `domains/<domain>/<product>/` and reads contracts; nothing else in CareMesh does.

domains   finds the folders ──▶ contract     reads a contract (ODCS 3.1) ──▶ product   the frozen values
                                rules              reads its quality rules
                                conditions         what a rule demands of what it measures
                                custom_properties  its views, and what it asks of completeness
                                reserved           names that no domain or product can have
                                check_names        checks that it has without a rule
                                document           a file that people edit, and its faults
                                yaml_text          YAML, read as the text that is written
"""

from caremesh.products.conditions import Condition, Number, Unit
from caremesh.products.contract import read_product
from caremesh.products.custom_properties import VIEW_PROPERTY
from caremesh.products.domains import find_domains, is_product_name, order_products, select_products
from caremesh.products.product import CONTRACT_FILE, Classification, Column, Domain, Product, SqlType
from caremesh.products.rules import Rule, RuleKind, Severity
from caremesh.products.source_column import SOURCE_LINES

__all__ = [
    "CONTRACT_FILE",
    "SOURCE_LINES",
    "VIEW_PROPERTY",
    "Classification",
    "Column",
    "Condition",
    "Domain",
    "Number",
    "Product",
    "Rule",
    "RuleKind",
    "Severity",
    "SqlType",
    "Unit",
    "find_domains",
    "is_product_name",
    "order_products",
    "read_product",
    "select_products",
]
