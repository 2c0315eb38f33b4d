"""The sources of the daemon that is asked: one of each type that is told by HTTP.

The types are those of the entry points, so that no new one is left out; here stands only what each
needs to be told besides its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from doctor_daemon.plugins import INSPECTORS, find, names
from doctor_daemon.ports import Inspector
from tests.inspectors.rig import terms

BEARER_FILE = "bearer"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "alertmanager": {"trust": "alone"},
    "answers": {"projects": "all"},
    "doctor": {"maintenance_s": 3600},
    "evidence": {"kind": "script"},
    "masakari": {"auth": {"keystone_roles": ["admin"]}},
}
"""Type -> what its entry has besides; else it is known by a bearer."""


def told() -> dict[str, type[Any]]:
    """Return the daemon's own types that are told by HTTP, and their classes."""
    found = {type_: find(INSPECTORS, type_) for type_ in names(INSPECTORS)}
    return {
        type_: plugin
        for type_, plugin in found.items()
        if getattr(plugin, "served", True) and plugin.__module__.startswith("doctor_daemon.")
    }


def sources() -> list[Mapping[str, Any]]:
    """Return one of each, as the configuration has them; each is named as its type."""
    return [
        {
            "name": type_,
            "type": type_,
            "auth": {"bearer_file": BEARER_FILE},
            **OPTIONS.get(type_, {}),
        }
        for type_ in told()
    ]


def made_sources() -> list[Inspector]:
    """Return the same as inspectors."""
    made: list[Inspector] = []
    for type_, plugin in told().items():
        known = plugin.Config.model_fields
        options = {name: value for name, value in OPTIONS.get(type_, {}).items() if name in known}
        made.append(plugin(plugin.Config(**options), terms(type_)))
    return made
