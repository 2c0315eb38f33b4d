"""One request to the simulated Nova: who asks, and in which microversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from doctor_daemon.lab.identity import Token
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.schema import Refusal

Json = dict[str, Any]
"""A JSON object on its way out, or a body that a Schema has accepted."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request with a live token."""

    request: web.Request
    version: Version
    token: Token

    def require_admin(self, rule: str) -> None:
        """Ask for the role admin in a project. Raises Refusal (403).

        Contract: NovaContract.test_a_member_is_forbidden.
        """
        if not self.token.admin:
            raise Refusal(403, f"Policy doesn't allow {rule} to be performed.")
