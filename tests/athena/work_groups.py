"""Athena's work-groups: where results go, how they are encrypted, and how much a query may read.

https://docs.aws.amazon.com/athena/latest/ug/workgroups-manage-queries-control-costs.html. A double: not verified are
metrics, requester pays, engine versions, and the limits of a whole work-group.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.athena.gateway import ServiceError

DEFAULTS = {
    "EnforceWorkGroupConfiguration": True,
    "PublishCloudWatchMetricsEnabled": False,
    "RequesterPaysEnabled": False,
    "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
}


@dataclass(frozen=True)
class WorkGroup:
    """A work-group and its configuration."""

    name: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    state: str = "ENABLED"

    @property
    def limit(self) -> int | None:
        """How many bytes one query may read."""
        limit: int | None = self.configuration.get("BytesScannedCutoffPerQuery")
        return limit

    @property
    def enforces_location(self) -> bool:
        """Whether all results lie where the work-group says."""
        own = self.configuration.get("ResultConfiguration", {})
        return bool(self.configuration["EnforceWorkGroupConfiguration"]) and "OutputLocation" in own

    def result_configuration(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Where and how a result is written, where a client asks for `asked`."""
        own = self.configuration.get("ResultConfiguration", {})
        return dict(own) if self.configuration["EnforceWorkGroupConfiguration"] else {**own, **asked}

    def describe(self) -> dict[str, Any]:
        """The `WorkGroup` of the API."""
        return {
            "Name": self.name,
            "State": self.state,
            "Description": self.description,
            "Configuration": dict(self.configuration),
        }


class WorkGroups:
    """All work-groups; `primary` is there from the start and enforces nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        primary = {**DEFAULTS, "EnforceWorkGroupConfiguration": False, "ResultConfiguration": {}}
        self._groups = {"primary": WorkGroup("primary", primary)}
        self.operations: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "GetWorkGroup": lambda request: {"WorkGroup": self.find(request["WorkGroup"]).describe()},
            "CreateWorkGroup": self._create,
            "UpdateWorkGroup": self._update,
            "DeleteWorkGroup": self._delete,
            "ListWorkGroups": self._list,
        }

    def find(self, name: str) -> WorkGroup:
        """The work-group of this name. Raises ServiceError."""
        if name not in self._groups:
            raise ServiceError("InvalidRequestException", f"WorkGroup {name} is not found.")
        return self._groups[name]

    def _create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            if request["Name"] in self._groups:
                raise ServiceError("InvalidRequestException", "WorkGroup is already created")
            configuration = {**DEFAULTS, **request.get("Configuration", {})}
            group = WorkGroup(request["Name"], configuration, request.get("Description", ""))
            self._groups[group.name] = group
        return {}

    def _delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if request["WorkGroup"] == "primary":
            raise ServiceError("InvalidRequestException", "The primary WorkGroup cannot be deleted.")
        self.find(request["WorkGroup"])
        with self._lock:
            self._groups.pop(request["WorkGroup"], None)
        return {}

    def _list(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"WorkGroups": [{"Name": group.name, "State": group.state} for group in self._groups.values()]}

    def _update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            group = self.find(request["WorkGroup"])
            changed = update_configuration(group.configuration, request.get("ConfigurationUpdates", {}))
            self._groups[group.name] = replace(
                group,
                configuration=changed,
                description=request.get("Description", group.description),
                state=request.get("State", group.state),
            )
        return {}


def update_configuration(configuration: Mapping[str, Any], updates: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration after `ConfigurationUpdates`, which may also remove what is there."""
    given = dict(updates)
    results = dict(configuration.get("ResultConfiguration", {}))
    changes = dict(given.pop("ResultConfigurationUpdates", {}))
    for name in ("OutputLocation", "EncryptionConfiguration"):
        if changes.pop(f"Remove{name}", False):
            results.pop(name, None)
    removed = "BytesScannedCutoffPerQuery" if given.pop("RemoveBytesScannedCutoffPerQuery", False) else None
    kept = {key: value for key, value in configuration.items() if key != removed}
    return {**kept, **given, "ResultConfiguration": {**results, **changes}}
