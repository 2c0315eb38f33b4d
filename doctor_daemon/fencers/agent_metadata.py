"""What a fence agent says of itself: its parameters and actions (the fence agent API's metadata).

An agent ignores a parameter that it does not know, with a warning that nobody reads: a misspelt one
is silent until a host fails. So every name is held against the metadata before that.

The XML is read by expat alone. A document type is refused, and with it every entity of its own.
What a document says of its encoding does not count: it has been decoded already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from xml.parsers import expat

from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.computer_system import cleaned

NEEDED = ("off", "status")
NO_POWER = frozenset({"fence_dummy", "fence_evacuate", "fence_compute", "fence_heuristics_ping"})
"""Agents whose `off` leaves every machine on."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `obsoletes` is the older name of the same thing."""

    name: str
    required: bool
    obsoletes: str = ""


@dataclass(slots=True)
class Metadata:
    """What an agent takes, and what it can do."""

    agent: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)

    def faults(self, given: Mapping[str, object]) -> Iterator[str]:
        """Yield what is wrong with these parameters, given to this agent as a power device."""
        yield from self._unfit()
        names = {plain(name) for name in given}
        for name in sorted(names - self.parameters.keys()):
            near = get_close_matches(name, self.parameters, 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            yield f"the agent knows no parameter {name!r}{meant}"
        for parameter in self.parameters.values():
            if parameter.required and not names & self._spellings(parameter.name):
                newer = self._newer(parameter.name)
                if newer is None:  # else it is told of by its newer name
                    yield f"the agent needs the parameter {parameter.name!r}"
        for parameter in self.parameters.values():
            if {parameter.name, parameter.obsoletes} <= names:
                yield f"{parameter.obsoletes!r} and {parameter.name!r} are the same parameter"

    def _unfit(self) -> Iterator[str]:
        """Say why an agent is no power device."""
        if self.agent in NO_POWER:
            yield "this agent cuts no host's power"
        if missing := [action for action in NEEDED if action not in self.actions]:
            yield f"the agent has no {' and no '.join(missing)}: its off could never be verified"
        elif "reboot" not in self.actions:
            yield "the agent has no reboot: it fences storage or networks, and leaves the power on"

    def _newer(self, name: str) -> str | None:
        found = (p.name for p in self.parameters.values() if p.obsoletes == name)
        return next(found, None)

    def _spellings(self, name: str) -> set[str]:
        return {name, self.parameters[name].obsoletes, self._newer(name) or name} - {""}


def plain(name: str) -> str:
    """Return a parameter's name as metadata has it: agents take dashes for underscores."""
    return name.replace("-", "_")


class _Reader:
    """Gathers parameters and actions, as expat comes across them."""

    def __init__(self) -> None:
        self.found = Metadata()
        self._seen = False

    def doctype(self, *_: object) -> None:
        msg = "the agent's metadata has a document type"
        raise Permanent(msg)

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._seen and tag != "resource-agent":
            msg = f"the agent's metadata is a {cleaned(tag)}, not a resource-agent"
            raise Permanent(msg)
        self._seen = True
        name = plain(attributes.get("name", ""))
        match tag:
            case "resource-agent":
                self.found.agent = attributes.get("name", "")
            case "parameter" if name and name != "action":
                required = attributes.get("required") == "1"
                obsoletes = plain(attributes.get("obsoletes", ""))
                old = obsoletes if obsoletes != name else ""
                self.found.parameters[name] = Parameter(name, required, old)
            case "action" if name:
                self.found.actions.append(attributes["name"])
            case _:
                pass


def parse_metadata(content: str) -> Metadata:
    """Read an agent's metadata. Raise Permanent when it is none."""
    reader = _Reader()
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.doctype
    parser.StartElementHandler = reader.begin
    try:
        parser.Parse(content.encode(errors="replace"), True)  # noqa: FBT003 - expat's own
    except expat.ExpatError as error:
        msg = f"the agent's metadata is no XML: {error}"
        raise Permanent(msg) from None
    return reader.found
