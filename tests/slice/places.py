"""Secrets, and every place for one: as models have them, and as a configuration has filled them.

A place is written as where it stands in the file: `sources <heartbeat> keys secret_file`. What a
plug-in's own options are about has the plug-in's type, and a mapping's keys are `*`.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel

from doctor_daemon import plugins
from doctor_daemon.config.models import File
from doctor_daemon.config.reference import PACKAGE
from doctor_daemon.ports import SecretFile
from tests.slice.prying import forms
from tests.slice.site import secret

GROUPS = {
    plugins.STORES: ("state",),
    plugins.CONTROLLERS: ("cloud",),
    plugins.STORAGE: ("storage",),
    plugins.NETWORKS: ("network",),
    plugins.INSPECTORS: ("sources",),
    plugins.NOTIFIERS: ("consumers",),
    plugins.FENCERS: ("hosts", "levels"),
}
ELSEWHERE = {
    "hosts levels <ironic> clouds_file",
    "network <neutron> clouds_file",
    "storage <cinder> clouds_file",
    "state <etcd> key_file",
    "state <etcd> password_file",
}
"""Places without a secret here: one reader reads clouds_file, and the cloud's own adapter has it.
The state is kept in one place, and that of etcd is pried into in tests/stores/test_etcd_access.py.
"""


class Secrets:
    """The secrets of one site, by what each is for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made: dict[str, str] = {}
        self.files: set[str] = set()
        """As the configuration names them."""

    def file(self, name: str, text: str = "") -> str:
        """Write one; return the name of its file."""
        self.made[name] = text or f"s{secrets.token_hex(9)}"  # an IPMI password has 20 bytes
        secret(self._folder / name, self.made[name])
        self.files.add(name)
        return name

    def key(self, name: str) -> str:
        """Write a key as Standard Webhooks have it."""
        return self.file(name, "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())

    def found_in(self, content: bytes) -> list[str]:
        """Say which of them stand in something, in any form."""
        texts = {name: text.removeprefix("whsec_") for name, text in self.made.items()}
        return [
            f"{name} as {form}"
            for name, text in texts.items()
            for form in forms(text)
            if form.encode() in content
        ]

    def of_the_cloud(self, cloud: Mapping[str, str]) -> None:
        """Count the lab's own clouds.yaml in."""
        file = Path(cloud["clouds_file"])
        entry = json.loads(file.read_text())["clouds"][cloud["cloud"]]["auth"]
        self.made["cloud"] = entry.get("password") or entry["application_credential_secret"]
        self.files.add(str(file))


def places(model: type[BaseModel], loc: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every place for a secret that a model has."""
    for name, field in model.model_fields.items():
        yield from _in(field.annotation, (*loc, name))


def _in(annotation: object, loc: tuple[str, ...]) -> Iterator[str]:
    """Yield the places of what stands after a colon."""
    if annotation is SecretFile:
        yield " ".join(loc)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from places(annotation, loc)
    inside = (*loc, "*") if get_origin(annotation) in (dict, Mapping) else loc
    for part in get_args(annotation):
        yield from _in(part, inside)


def every_place() -> set[str]:
    """Return every place for a secret: in the file's own models, and in those of the built-ins."""
    found = set(places(File))
    for group, loc in GROUPS.items():
        for entry in entry_points(group=group):
            if entry.dist is not None and entry.dist.name == PACKAGE:
                model: type[BaseModel] = plugins.find(group, entry.name).Config
                found |= set(places(model, (*loc, f"<{entry.name}>")))
    return found


def filled(value: object, names: Collection[str], loc: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield where a configuration names one of these files, each with and without types."""
    if isinstance(value, dict):
        type_ = value.get("type")
        inside = loc if type_ is None else (*loc, f"<{type_}>")
        for key, part in value.items():
            yield from filled(part, names, (*inside, str(key)))
    elif isinstance(value, list):
        for part in value:
            yield from filled(part, names, loc)
    elif value in names:
        yield " ".join(loc)
        yield " ".join((*loc[:-1], "*"))
        yield " ".join(part for part in loc if not part.startswith("<"))
