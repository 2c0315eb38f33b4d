"""Refusals of the simulated Nova, and the shapes of the bodies it accepts.

The texts are Nova's own: an operator who has met one before should meet the same one here.
Contract: NovaContract.test_wrong_bodies_are_refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_KEYS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
    413: "overLimit",
    429: "overLimit",
}
TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
FALSE = (False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")
_HOST = "^[a-zA-Z0-9-._]*$"


class Refusal(Exception):
    """A request that Nova answers with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message

    def body(self) -> str:
        key = _KEYS.get(self.status, "computeFault")
        return json.dumps({key: {"code": self.status, "message": self.message}})


Check = Callable[[object], str | None]
"""What is wrong with a value, in JSON Schema's words; None if nothing is."""


def text(value: object) -> str | None:
    """Ask for 1 to 255 characters."""
    if not isinstance(value, str):
        return f"{value!r} is not of type 'string'"
    if not value:
        return "'' should be non-empty"
    return f"{value!r} is too long" if len(value) > 255 else None  # noqa: PLR2004 - Nova's limit


def host(value: object) -> str | None:
    """Ask for a host name, in Nova's narrow sense."""
    wrong = text(value)
    if wrong is None and not re.match(_HOST, str(value)):
        return f"{value!r} does not match {_HOST!r}"
    return wrong


def status(value: object) -> str | None:
    """Ask for a service's status."""
    allowed = ["enabled", "disabled"]
    return None if value in allowed else f"{value!r} is not one of {allowed}"


def boolean(value: object) -> str | None:
    """Ask for a boolean, or for one of the words that Nova takes for one."""
    if not isinstance(value, bool | str):
        return f"{value!r} is not of type 'boolean', 'string'"
    known = [*TRUE, *FALSE]
    return None if value in known else f"{value!r} is not one of {known}"


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields a body may have, and those it must have."""

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()

    def read(self, raw: bytes) -> dict[str, object]:
        """Read a body. Raises Refusal (400) that names what is wrong."""
        try:
            body = json.loads(raw) if raw else None
        except ValueError as error:
            raise Refusal(400, "Malformed request body") from error
        if not isinstance(body, dict):
            raise Refusal(400, f"{body!r} is not of type 'object'")
        self._check_names(body)
        for name, value in body.items():
            self._check_value(name, value)
        return body

    def _check_names(self, body: Mapping[str, object]) -> None:
        if extra := sorted(body.keys() - self.fields):
            names = ", ".join(map(repr, extra))
            verb = "was" if len(extra) == 1 else "were"
            raise Refusal(400, f"Additional properties are not allowed ({names} {verb} unexpected)")
        for name in self.required:
            if name not in body:
                raise Refusal(400, f"{name!r} is a required property")

    def _check_value(self, name: str, value: object) -> None:
        if wrong := self.fields[name](value):
            raise Refusal(400, f"Invalid input for field/attribute {name}. Value: {value}. {wrong}")
