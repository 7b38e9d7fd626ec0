"""Synthetic HealthLake exports: the demo, and the load of the benchmarks.

`write_export` writes a bulk export of made-up patients; `write_increment` writes what changed after it. The same
plan gives the same bytes (on one version of Python). No real person is in it, and no record of one was used to make it.
"""

from caremesh.demo.damage import Damage, list_damage
from caremesh.demo.export import write_export, write_increment
from caremesh.demo.plan import ExportPlan, export_name

__all__ = ["Damage", "ExportPlan", "export_name", "list_damage", "write_export", "write_increment"]
