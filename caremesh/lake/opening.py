"""Opens the lake that the settings name."""

from __future__ import annotations

from caremesh.aws import Aws
from caremesh.errors import UsageError
from caremesh.lake.aws import AwsLake
from caremesh.lake.base import Lake
from caremesh.lake.local import LocalLake
from caremesh.places import S3Place
from caremesh.settings import Settings


def open_lake(settings: Settings, aws: Aws) -> Lake:
    """The lake of the settings, in a folder or in S3 and Glue; nothing is read yet."""
    if not isinstance(settings.lake, S3Place):
        return LocalLake(settings.lake)
    if settings.scratch is None:
        raise UsageError("a lake in S3 needs a folder here for work in progress", hint="export CAREMESH_SCRATCH=DIR")
    return AwsLake(settings.lake, aws, scratch_root=settings.scratch, run_id=settings.run_id)
