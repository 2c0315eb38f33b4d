"""From the levels of an entry to the power devices of one host, and a digest of them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from doctor_daemon.config.models import Hosts, PowerDevice
from doctor_daemon.config.patterns import fill
from doctor_daemon.config.problems import Document, Loc, Problems
from doctor_daemon.config.sections import Chooser
from doctor_daemon.config.settings import DeviceChoice
from doctor_daemon.config.words import parse_uuid
from doctor_daemon.core.host import Device, HostId, Level
from doctor_daemon.plugins import FENCERS

_BESIDE = tuple(PowerDevice.model_fields)
_REMEMBERED = (
    "{} alone proves no host off: it tells what is remembered of the power, and reads none; "
    "expected another device beside it, as redfish"
)


@dataclass(slots=True)
class Place:
    """One host of one entry: what its texts are filled with. `faulty`: one could not be filled."""

    document: Document
    problems: Problems
    loc: Loc
    host: HostId
    variables: Mapping[str, str]
    faulty: bool = False

    def note(self, loc: Loc, text: str) -> None:
        """Note a problem with this host."""
        self.faulty = True
        self.problems.add(self.document, (*self.loc, *loc), text, self.host.name)

    def fill(self, template: str, loc: Loc) -> str | None:
        """Fill a template; where that cannot be done, note it and return None."""
        try:
            return fill(template, self.variables)
        except ValueError as error:
            self.note(loc, str(error))
            return None

    def filled(self, value: object, loc: Loc) -> Any:  # noqa: ANN401 - any plain data, as it came
        """Fill every text in a value."""
        if isinstance(value, str):
            return self.fill(value, loc)
        if isinstance(value, Mapping):
            return {key: self.filled(part, (*loc, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self.filled(part, (*loc, number)) for number, part in enumerate(value)]
        return value


class DeviceReader:
    """Reads the levels of hosts, and keeps what their devices are to be made from."""

    def __init__(self, chooser: Chooser) -> None:
        """Find classes and check options by `chooser`."""
        self._chooser = chooser
        self._uuids: dict[str, HostId] = {}
        self.choices: list[DeviceChoice] = []

    def levels(
        self, entry: Hosts, raw: Mapping[str, Any], place: Place
    ) -> tuple[tuple[Level, ...], str]:
        """Return the levels of one host and their digest; what is wrong is noted at `place`."""
        names, shapes, levels = device_names(entry), [], []
        for number, sections in enumerate(entry.levels):
            made = []
            for nth, section in enumerate(sections):
                loc: Loc = ("levels", number, nth)
                device = self._device(section, names[number][nth], place, loc)
                options = self._options(device, raw["levels"][number][nth], place, loc)
                made.append((self._timed(device, place), options))
            levels.append(Level(tuple(device for device, _ in made)))
            if made and not levels[-1].proves:
                place.note(("levels", number), _REMEMBERED.format(made[0][0].kind))
            shapes.append([_shape(device, options) for device, options in made])
        return tuple(levels), digest(shapes)

    def _device(self, section: PowerDevice, name: str, place: Place, loc: Loc) -> Device:
        text, uuid = place.fill(section.uuid, (*loc, "uuid")), ""
        try:
            uuid = parse_uuid(text, section.uuid_order) if text is not None else ""
        except ValueError as error:
            place.note((*loc, "uuid"), f"found {text!r}; {error}")
        other = self._uuids.setdefault(uuid, place.host) if uuid else place.host
        if other != place.host:
            wrong = f"found the UUID of {other.name!r} once more; expected one of its own"
            place.note((*loc, "uuid"), wrong)
        line = place.fill(section.line, (*loc, "line")) or ""
        tells, proves = self._tells(section, loc), self._proves(section, loc)
        if tells and not proves:
            place.note(
                (*loc, "tells"), f"found 'host', but {section.type} reads no power; expected supply"
            )
        return Device(name, section.type, uuid, section.hold_s, line, tells, proves)

    def _timed(self, device: Device, place: Place) -> Device:
        """Return it with how long it may take to answer, and to be off, by its own options."""
        last = self.choices[-1] if self.choices else None
        if last is None or (last.host, last.name) != (place.host, device.name):
            return device
        slow_s = float(getattr(last.config, "off_after_s", None) or device.slow_s)
        answer_s = float(getattr(last.config, "timeout_s", None) or device.answer_s)
        return replace(device, slow_s=slow_s, answer_s=answer_s)

    def _tells(self, section: PowerDevice, loc: Loc) -> bool:
        """Tell whether it reads the host's own power: by the file, or else by its kind."""
        if section.tells is not None:
            return section.tells == "host"
        return getattr(self._chooser.plugin(FENCERS, section.type, loc), "tells", "") == "host"

    def _proves(self, section: PowerDevice, loc: Loc) -> bool:
        """Tell whether its kind reads the power, or what somebody else remembers of it."""
        return bool(getattr(self._chooser.plugin(FENCERS, section.type, loc), "proves", True))

    def _options(
        self, device: Device, raw: Mapping[str, Any], place: Place, loc: Loc
    ) -> Mapping[str, Any]:
        """Check a device's own options, and return them with their defaults."""
        own = {key: value for key, value in raw.items() if key not in _BESIDE}
        own = place.filled(own, loc)
        whole = (*place.loc, *loc)
        plugin = self._chooser.plugin(FENCERS, device.kind, whole)
        if plugin is None or place.faulty:
            return {}
        config = self._chooser.config(plugin, own, whole, _BESIDE, place.host.name)
        if config is None:
            return {}
        choice = DeviceChoice(
            name=device.name,
            kind=device.kind,
            plugin=plugin,
            config=config,
            host=place.host,
            uuid=device.uuid,
        )
        self.choices.append(choice)
        return config.model_dump(mode="json")


def device_names(entry: Hosts) -> list[list[str]]:
    """Name the devices of each level: as written, or by type, numbered from the second on."""
    count: dict[str, int] = {}
    names: list[list[str]] = []
    for level in entry.levels:
        names.append([])
        for section in level:
            name = section.name
            if name is None:
                count[section.type] = nth = count.get(section.type, 0) + 1
                name = section.type if nth == 1 else f"{section.type}-{nth}"
            names[-1].append(name)
    return names


def _shape(device: Device, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "name": device.name,
        "type": device.kind,
        "uuid": device.uuid,
        "hold_s": device.hold_s,
        "options": options,
    }


def digest(levels: object) -> str:
    """Return a digest of a topology: a proof taken under another one is void.

    Secrets are in it by the name of their file only: a changed password moves no cable.
    """
    canonical = json.dumps(levels, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
