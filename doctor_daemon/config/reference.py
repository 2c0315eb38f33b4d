"""docs/configuration.md, made from the models, so that no option and no rule is told wrongly.

python -m doctor_daemon.config.reference > docs/configuration.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from doctor_daemon import plugins
from doctor_daemon.config import models
from doctor_daemon.config.auth import Auth
from doctor_daemon.config.corroboration import Evidence
from doctor_daemon.config.drill import Drill
from doctor_daemon.config.limits import SourceLimits
from doctor_daemon.config.mass import Mass
from doctor_daemon.config.network import Network
from doctor_daemon.config.own_side import OwnSide
from doctor_daemon.config.preface import AFTERWORD, PREFACE
from doctor_daemon.config.probes import Probes
from doctor_daemon.config.process import Log, Operators
from doctor_daemon.config.programs import Programs
from doctor_daemon.config.release import Release
from doctor_daemon.config.storage import Backend, Storage
from doctor_daemon.config.texts import texts
from doctor_daemon.config.timing import RULES
from doctor_daemon.config.tls import Tls
from doctor_daemon.config.watchdogs import WatchdogKey, Watchdogs
from doctor_daemon.config.words import Address
from doctor_daemon.core.host import Mode
from doctor_daemon.ports import SecretFile

PACKAGE = "doctor-daemon"

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The whole file", models.File),
    ("operators", Operators),
    ("log", Log),
    ("timing", models.Timing),
    ("budget", models.Budget),
    ("mass", Mass),
    ("evacuation", models.Evacuation),
    ("release", Release),
    ("probes", Probes),
    ("state", models.State),
    ("cloud", models.Cloud),
    ("storage", Storage),
    ("storage.backends[]", Backend),
    ("network", Network),
    ("tls", Tls),
    ("programs", Programs),
    ("watchdogs", Watchdogs),
    ("watchdogs.keys[]", WatchdogKey),
    ("own_side", OwnSide),
    ("drill", Drill),
    ("sources[]", models.Source),
    ("sources[].limits", SourceLimits),
    ("sources[].auth", Auth),
    ("consumers[]", models.Consumer),
    ("hosts[]", models.Hosts),
    ("hosts[].evidence", Evidence),
    ("hosts[].levels[][]", models.PowerDevice),
)
_GROUPS = (
    (plugins.STORES, "state"),
    (plugins.CONTROLLERS, "cloud"),
    (plugins.STORAGE, "storage"),
    (plugins.NETWORKS, "network"),
    (plugins.INSPECTORS, "sources"),
    (plugins.NOTIFIERS, "consumers"),
    (plugins.FENCERS, "hosts[].levels"),
)
_KINDS: dict[object, str] = {
    float: "number",
    int: "whole number",
    str: "text",
    bool: "true or false",
    Path: "path",
    SecretFile: "secret's file",
    Mode: "mode",
    Address: "address:port",
}


def reference() -> str:
    """Return the whole document."""
    return "\n".join((PREFACE, *_sections(), *_rules(), AFTERWORD, *_built_ins()))


def _sections() -> Iterator[str]:
    yield "## Options\n"
    for title, model in _SECTIONS:
        yield f"### {title}\n\n{_told(model.__doc__)}\n"
        yield from _table(model)


def _rules() -> Iterator[str]:
    yield "## Numbers that must fit each other\n"
    yield "Below the least value the file is refused, and the message says the computed minimum.\n"
    yield "| option | at least | because |\n|---|---|---|"
    for rule in RULES:
        yield f"| `{rule.section}.{rule.option}` | {rule.formula}{rule.when} | {rule.why} |"
    yield ""


def _built_ins() -> Iterator[str]:
    for group, where in _GROUPS:
        for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
            if entry.dist is None or entry.dist.name != PACKAGE:
                continue
            model: type[BaseModel] = plugins.find(group, entry.name).Config
            yield f"### `type: {entry.name}` (in `{where}`)\n"
            if model.model_fields:
                yield from _table(model)
            else:
                yield "It has no options of its own.\n"


def _table(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    if not prefix:
        yield "| option | kind | default | meaning |\n|---|---|---|---|"
    told_of = texts(model)
    for name, field in model.model_fields.items():
        told = _told(told_of.get(name))
        cells = (f"`{prefix}{name}`", _kind(field), _default(field), told)
        yield f"| {' | '.join(cells)} |"
        inner = _plugins_own(field.annotation)
        if inner is not None and model.__module__ != models.__name__:
            yield from _table(inner, f"{prefix}{name}.")
    if not prefix:
        yield ""


def _plugins_own(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _told(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _kind(field: FieldInfo) -> str:
    bounds = {
        name: getattr(item, name)
        for item in field.metadata
        for name in ("ge", "gt", "le")
        if hasattr(item, name)
    }
    words = [_named(field.annotation)]
    if "ge" in bounds:
        words.append(f"from {shown(bounds['ge'])}")
    if "gt" in bounds:
        words.append(f"above {shown(bounds['gt'])}")
    if "le" in bounds:
        words.append(f"up to {shown(bounds['le'])}")
    return " ".join(words)


def _named(annotation: Any) -> str:  # noqa: ANN401 - whatever stands after a colon
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _KINDS:
        return _KINDS[annotation]
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_named(part) for part in arguments if part is not type(None))
    if origin in (tuple, list, frozenset, set):
        return "list"
    if origin is dict:
        return "mapping"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "word"
    if hasattr(annotation, "__metadata__"):
        return _named(arguments[0])
    return "section"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, BaseModel):
        return "see there"
    return f"`{shown(value)}`"


def shown(value: object) -> str:
    """Write a default as it would stand in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mode):
        return value.name.lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list | frozenset | set):
        items = sorted(value, key=str) if isinstance(value, frozenset) else value
        return f"[{', '.join(shown(item) for item in items)}]"
    if isinstance(value, Mapping):
        pairs = (f"{key}: {shown(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return str(value) if value != "" else '""'


if __name__ == "__main__":
    sys.stdout.write(reference())
