"""A request that is refused: what is wrong with it, in the one form in which it is said.

Whoever sends evidence is a program of somebody else's, and whoever mends it sees only our answer.
So every refusal, by whichever part of the daemon, names the field, what was found and what is
expected, as `{"error": {"code", "field", "message", "expected"}}`.
"""

from __future__ import annotations

from collections.abc import Sequence

from doctor_daemon.errors import DoctorError


class Refusal(DoctorError):
    """A request, or one statement of it, that cannot be used: nothing was done.

    `code` is for programs and is one word; `field` is a path into the body, `alerts[0].startsAt`.
    `details` are the refusals of single statements, where none of a request could be used.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str = "",
        expected: str = "",
        details: Sequence[Refusal] = (),
    ) -> None:
        where = f"{field}: {message}" if field else message
        super().__init__(f"{where}; expected {expected}" if expected else where)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.expected = expected
        self.details = tuple(details)

    def body(self) -> dict[str, object]:
        """Return the answer's body, as plain data."""
        return {"error": self.said()}

    def said(self) -> dict[str, object]:
        """Return the refusal without the frame around it."""
        said: dict[str, object] = {
            "code": self.code,
            "field": self.field,
            "message": self.message,
            "expected": self.expected,
        }
        if self.details:
            said["details"] = [detail.said() for detail in self.details]
        return said
