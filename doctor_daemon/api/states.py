"""The operators' question how servers stand: read strictly, and answered by one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from doctor_daemon.core.host import HostId
from doctor_daemon.engine.operators import Operators
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.states import STATES_MAX, StatesWanted

TEXT_MAX = 64
"""Characters of an id, as Keystone and Nova have them."""
_FIELDS = ("host", "project", "marker", "limit")


@dataclass(frozen=True, slots=True)
class States:
    """Answers `GET /v1/servers`. `find` knows hosts by name or alias, or refuses in words."""

    operators: Operators
    find: Callable[[str], HostId]

    async def answer(self, request: web.Request) -> web.Response:
        """Show one page, as of now."""
        for name in request.query:
            if name not in _FIELDS:
                said = ", ".join(_FIELDS)
                raise Refusal(422, "invalid", "unknown field", field=f"{name!r:.60}", expected=said)
        host, project = request.query.get("host"), _text(request, "project")
        if host is not None and project:
            expected = "either a host or a project"
            raise Refusal(422, "invalid", "what is meant is not clear", expected=expected)
        wanted = StatesWanted(
            host=None if host is None else self.find(host),
            project=project,
            marker=_text(request, "marker"),
            limit=_limit(request),
        )
        return web.json_response(await self.operators.server_states(wanted))


def _text(request: web.Request, field: str) -> str:
    """Read an id; left out, it is the empty one."""
    found = request.query.get(field)
    if found is None:
        return ""
    if not 0 < len(found) <= TEXT_MAX or not found.isascii() or not found.isprintable():
        raise _wrong(field, found, f"an id of up to {TEXT_MAX} characters")
    return found


def _limit(request: web.Request) -> int:
    found = request.query.get("limit", "100")
    digits = found.isascii() and found.isdecimal() and len(found) <= len(str(STATES_MAX))
    if not digits or not 0 < int(found) <= STATES_MAX:
        raise _wrong("limit", found, f"a number from 1 to {STATES_MAX}")
    return int(found)


def _wrong(field: str, found: str, expected: str) -> Refusal:
    return Refusal(422, "invalid", f"found {found!r:.60}", field=field, expected=expected)
