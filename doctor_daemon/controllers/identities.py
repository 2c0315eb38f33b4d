"""Asking Keystone about a token that somebody else has sent: whose it is, and with which roles.

The question is asked with the daemon's own token, which needs the right to it (Keystone's policy
`identity:validate_token`: by default the roles admin and service). Only Keystone's own "not found"
says that a token is nobody's. Everything else that goes wrong is an error, and lets nobody in.

Source: Keystone's API reference, "Validate and show information for token".
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from doctor_daemon.controllers.compute import Way
from doctor_daemon.controllers.http import Answer, Request
from doctor_daemon.controllers.rows import decode
from doctor_daemon.controllers.tokens import Token, Tokens
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports.identity import Identity

ANSWER_MAX = 1024 * 1024
TOKEN_MAX = 8192
"""Characters: a Fernet token has some 250."""


class Identities:
    """Asks the Keystone that gave our own token."""

    def __init__(self, tokens: Tokens, way: Way, auth_url: str) -> None:
        """Connect to nothing yet."""
        self._tokens = tokens
        self._way = way
        base = auth_url.rstrip("/").removesuffix("/v3")
        self._url = f"{base}/v3/auth/tokens"

    async def identify(self, token: str) -> Identity | None:
        """Tell whose token it is. Raise a DoctorError where that cannot be found out."""
        if not (0 < len(token) <= TOKEN_MAX and token.isascii() and token.isprintable()):
            return None
        own = await self._tokens.current()
        answer = await self._ask(token, own)
        if answer.status == HTTPStatus.UNAUTHORIZED:  # it is ours that is not taken
            answer = await self._ask(token, await self._tokens.instead_of(own))
        match answer.status:
            case HTTPStatus.OK:
                return _identity(answer.body)
            case HTTPStatus.NOT_FOUND:
                return None
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                may = "may our user validate tokens (identity:validate_token)?"
                msg = f"Keystone does not let us ask about tokens: {answer.words()}; {may}"
                raise Permanent(msg)
            case _:
                msg = f"Keystone does not say whose a token is: {answer.words()}"
                raise Temporary(msg)

    async def close(self) -> None:
        """Close every connection."""
        await self._way.wire.close()

    async def _ask(self, token: str, own: Token) -> Answer:
        headers = {**own.grant.headers, "X-Subject-Token": token}
        request = Request(
            method="GET",
            url=self._url,
            headers=headers,
            query={"nocatalog": ""},
            timeout_s=self._way.timeout_s,
            answer_max=ANSWER_MAX,
        )
        return await self._way.wire.send(request)


def _identity(body: bytes) -> Identity:
    token = decode(body).get("token")
    if not isinstance(token, Mapping):
        msg = "Keystone's answer about a token is not as documented"
        raise Temporary(msg)
    user, project, roles = token.get("user"), token.get("project"), token.get("roles")
    return Identity(
        user=_text(user, "name") or _text(user, "id"),
        project=_text(project, "id"),
        roles=frozenset(filter(None, (_text(one, "name") for one in _list(roles)))),
    )


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _text(found: object, name: str) -> str:
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, str) else ""
