"""Inventories: what no pattern can say, host by host, in YAML files of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from doctor_daemon.config.document import read_document
from doctor_daemon.config.problems import Document, Problems

_VARIABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESERVED = ("host", "n")


@dataclass(frozen=True, slots=True)
class Record:
    """What an inventory says of one host."""

    variables: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class Inventory:
    """One file, and which of its hosts have been asked for."""

    file: Path
    records: Mapping[str, Record]
    used: set[str] = field(default_factory=set)

    def record(self, host: str) -> Record | None:
        """Return what is known of a host."""
        self.used.add(host)
        return self.records.get(host)

    @property
    def unused(self) -> tuple[str, ...]:
        """Return the hosts that nobody asked for."""
        return tuple(host for host in self.records if host not in self.used)


class Inventories:
    """Reads each file once, however many entries name it."""

    def __init__(self, problems: Problems) -> None:
        """Note what is wrong in the files."""
        self._problems = problems
        self._read: dict[Path, Inventory | None] = {}

    def __iter__(self) -> Iterator[Inventory]:
        return (inventory for inventory in self._read.values() if inventory)

    def find(self, file: Path) -> Inventory | None:
        """Return the inventory of a file, or None if it cannot be read."""
        if file not in self._read:
            document = read_document(file, self._problems)
            self._read[file] = self._inventory(document) if document else None
        return self._read[file]

    def _inventory(self, document: Document) -> Inventory:
        records = {host: self._record(document, host) for host in document.value}
        return Inventory(document.file, records)

    def _record(self, document: Document, host: str) -> Record:
        found = document.value[host]
        if not isinstance(found, dict):
            self._problems.add(document, (host,), "expected a mapping of variables")
            return Record()
        variables: dict[str, str] = {}
        for name, value in found.items():
            if name == "aliases":
                continue
            text = self._variable(document, host, name, value)
            if text is not None:
                variables[name] = text
        return Record(variables, self._aliases(document, host, found.get("aliases", [])))

    def _variable(self, document: Document, host: str, name: str, value: object) -> str | None:
        if not _VARIABLE.fullmatch(name) or name in _RESERVED:
            text = "expected a variable's name of a-z, 0-9 and _, other than host and n"
            self._problems.add(document, (host, name), text)
            return None
        # A whole number is written in one way only, so its text is what stands in the file.
        if isinstance(value, bool) or not isinstance(value, str | int):
            text = "expected text or a whole number; if it is one, put it in quotes"
            self._problems.add(document, (host, name), text)
            return None
        return str(value)

    def _aliases(self, document: Document, host: str, value: object) -> tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return tuple(items)
        self._problems.add(document, (host, "aliases"), "expected a name or a list of names")
        return ()
