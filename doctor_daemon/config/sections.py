"""Plug-ins' sections: which class is meant, and whether its options are right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from doctor_daemon import plugins
from doctor_daemon.config.problems import Document, Loc, Problems
from doctor_daemon.config.section import PluginSection
from doctor_daemon.config.settings import Choice
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import SecretFile
from doctor_daemon.ports.secrets import FOLDER

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], value: object, folder: Path) -> Model:
    """Make a model of plain data. Raise ValidationError.

    By way of JSON, which has pydantic be strict about kinds and yet take a list for a tuple and
    text for a path. A relative path is one from the configuration's folder.
    """
    made = model.model_validate_json(json.dumps(value), strict=True, context={FOLDER: folder})
    return rooted(made, folder)


def rooted(model: Model, folder: Path) -> Model:
    """Return the model with its relative paths made absolute: a daemon's own folder is `/`."""
    relative = {
        name: folder / value
        for name, value in model
        if isinstance(value, Path) and not value.is_absolute()
    }
    return model.model_copy(update=relative) if relative else model


def salvaged(model: type[Model], value: object, folder: Path) -> Model | None:
    """Make what can be made of data that may be faulty, so that more of its faults are found.

    What is wrong has been noted elsewhere: the part that holds it is left out.
    """
    for _ in range(2):
        if not isinstance(value, dict):
            return None
        try:
            return validated(model, value, folder)
        except ValidationError as error:
            faulty = {str(details["loc"][0]) for details in error.errors() if details["loc"]}
            value = {key: part for key, part in value.items() if key not in faulty}
    return None


class Chooser:
    """Finds plug-ins' classes, each once, and checks the options that they are given."""

    def __init__(self, document: Document, problems: Problems) -> None:
        """Note what is wrong in `document`."""
        self._document = document
        self._problems = problems
        self._classes: dict[tuple[str, str], type[Any] | None] = {}
        self._secrets: dict[SecretFile, Loc] = {}
        self.folder = document.file.parent

    def choose(
        self, group: str, section: type[PluginSection], loc: Loc, value: object
    ) -> Choice | None:
        """Return what a section chooses, or None when something about that is wrong."""
        if not isinstance(value, dict):
            return None
        type_ = value.get("type", section.model_fields["type"].default)
        plugin = self.plugin(group, type_, loc) if isinstance(type_, str) else None
        if plugin is None:
            return None
        own = {key: part for key, part in value.items() if key not in section.model_fields}
        config = self.config(plugin, own, loc, tuple(section.model_fields))
        name = value.get("name", _default_name(section, str(type_)))
        if config is None or not isinstance(name, str):
            return None
        return Choice(name=name, kind=str(type_), plugin=plugin, config=config)

    def plugin(self, group: str, type_: str, loc: Loc) -> type[Any] | None:
        """Return the class of a type; note it once where there is none."""
        if (group, type_) not in self._classes:
            try:
                self._classes[group, type_] = plugins.find(group, type_)
            except ConfigError as error:
                self._classes[group, type_] = None
                self._problems.add(self._document, (*loc, "type"), str(error))
        return self._classes[group, type_]

    def config(
        self,
        plugin: type[Any],
        own: Mapping[str, object],
        loc: Loc,
        known: tuple[str, ...],
        host: str = "",
    ) -> BaseModel | None:
        """Check a plug-in's own options. `known` are those that stand beside them."""
        model: type[BaseModel] = plugin.Config
        try:
            config = validated(model, own, self.folder)
        except ValidationError as error:
            self._problems.check(self._document, loc, error, model, known=known, host=host)
            return None
        self.keep(config, loc)
        return config

    def keep(self, model: BaseModel, loc: Loc) -> None:
        """Keep the secrets that a model names."""
        for place, secret in secrets_in(model):
            self._secrets.setdefault(secret, (*loc, *place))

    def secrets(self) -> tuple[SecretFile, ...]:
        """Return every secret's file that is named; note those that could not be read."""
        for secret, loc in self._secrets.items():
            try:
                secret.check()
            except ConfigError as error:
                self._problems.add(self._document, loc, str(error))
        return tuple(self._secrets)


def _default_name(section: type[PluginSection], type_: str) -> object:
    """Return the name of a section that gives itself none: nothing, where it must."""
    found = section.model_fields.get("name")
    return found.default if found else type_


def secrets_in(value: object, loc: Loc = ()) -> Iterator[tuple[Loc, SecretFile]]:
    """Yield every secret's file that a model names, and where in it."""
    parts: Iterable[tuple[int | str, object]] = ()
    if isinstance(value, SecretFile):
        yield loc, value
    elif isinstance(value, BaseModel):
        parts = value
    elif isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    for name, part in parts:
        yield from secrets_in(part, (*loc, name))
