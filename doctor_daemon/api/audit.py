"""The operators' question what the audit says: some lines, and the ends of their chain."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from aiohttp import web

from doctor_daemon.core.audit import Row, parsed
from doctor_daemon.engine.operators import Operators
from doctor_daemon.ports.refusal import Refusal

LINES_MAX = 1000
NUMBER_MAX = 10**15
_FIELDS = ("after", "limit")


@dataclass(frozen=True, slots=True)
class Audit:
    """Answers `GET /v1/audit`."""

    operators: Operators

    async def answer(self, request: web.Request) -> web.Response:
        """Show lines after a number, in order; where none is named, the last ones."""
        for name in request.query:
            if name not in _FIELDS:
                said = ", ".join(_FIELDS)
                raise Refusal(422, "invalid", "unknown field", field=f"{name!r:.60}", expected=said)
        limit = _number(request, "limit", "50", (1, LINES_MAX))
        if "after" in request.query:
            after = _number(request, "after", "", (0, NUMBER_MAX))
        else:
            last = (await self.operators.audit(NUMBER_MAX, 0)).last
            after = max(0, last.number - limit)
        page = await self.operators.audit(after, limit)
        ends = {"anchor": asdict(page.anchor), "last": asdict(page.last)}
        return web.json_response({**ends, "lines": [_line(row) for row in page.rows]})


def _line(row: Row) -> dict[str, object]:
    """Show a line. What somebody has made of it that is no record is a text."""
    record: object
    try:
        record = parsed(row.body)
    except ValueError:
        record = row.body
    return {"number": row.number, "hash": row.hash, "record": record}


def _number(request: web.Request, field: str, default: str, among: tuple[int, int]) -> int:
    found, (least, most) = request.query.get(field, default), among
    digits = found.isascii() and found.isdecimal() and len(found) <= len(str(most))
    if not digits or not least <= int(found) <= most:
        expected = f"a number from {least} to {most}"
        raise Refusal(422, "invalid", f"found {found!r:.60}", field=field, expected=expected)
    return int(found)
