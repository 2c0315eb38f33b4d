"""Who may do what in the simulated cloud: projects, users, application credentials, tokens.

Keystone gives tokens out and Nova asks for them back; both look here. A token lives on the lab's
own clock, so that a test may let one die in a second.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from doctor_daemon.lab.clock import Clock

ADMIN_ROLES = ("admin", "manager", "member", "reader")
MEMBER_ROLES = ("member", "reader")
TOKENS_MAX = 100_000
"""More live tokens than this are a leak in the caller."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the domain `default`."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A user, with roles in one project."""

    id: str
    name: str
    password: str = field(repr=False)
    project: Project
    roles: tuple[str, ...]

    @property
    def admin(self) -> bool:
        return "admin" in self.roles


@dataclass(frozen=True, slots=True)
class Credential:
    """An application credential: it is bound to its user's project."""

    id: str
    name: str
    secret: str = field(repr=False)
    user: User


@dataclass(frozen=True, slots=True)
class Token:
    """A token. Without a project it has no roles anywhere. Times are CLOCK_MONOTONIC."""

    text: str = field(repr=False)
    user: User
    project: Project | None
    method: str
    issued_at_s: float
    expires_at_s: float

    @property
    def admin(self) -> bool:
        return self.project is not None and self.user.admin


class Identity:
    """The accounts and the live tokens."""

    def __init__(self, clock: Clock, token_lifetime_s: float) -> None:
        self.token_lifetime_s = token_lifetime_s
        self._clock = clock
        self._users: dict[str, User] = {}
        self._credentials: dict[str, Credential] = {}
        self._tokens: dict[str, Token] = {}

    def add_user(self, name: str, project: Project, roles: tuple[str, ...]) -> User:
        """Add a user with a password of its own making."""
        user = User(uuid.uuid4().hex, name, secrets.token_urlsafe(12), project, roles)
        self._users[name] = user
        return user

    def add_credential(self, name: str, user: User) -> Credential:
        credential = Credential(uuid.uuid4().hex, name, secrets.token_urlsafe(24), user)
        self._credentials[credential.id] = credential
        return credential

    def user(self, *, user_id: str = "", name: str = "") -> User | None:
        if name:
            return self._users.get(name)
        return next((user for user in self._users.values() if user.id == user_id), None)

    def credential(
        self, *, credential_id: str = "", name: str = "", user: User | None = None
    ) -> Credential | None:
        """Find a credential by its id, or by its name and its user."""
        if credential_id:
            return self._credentials.get(credential_id)
        owned = (c for c in self._credentials.values() if c.name == name and c.user == user)
        return next(owned, None)

    def issue(self, user: User, project: Project | None, method: str) -> Token:
        """Give out a token. Raises OverflowError when too many live."""
        now_s = self._clock.now()
        if len(self._tokens) >= TOKENS_MAX:
            self._tokens = {t.text: t for t in self._live(self._tokens.values())}
        if len(self._tokens) >= TOKENS_MAX:
            raise OverflowError(f"{TOKENS_MAX} tokens live")
        text = "gAAAAA" + secrets.token_urlsafe(96)
        token = Token(text, user, project, method, now_s, now_s + self.token_lifetime_s)
        self._tokens[text] = token
        return token

    def token(self, text: str) -> Token | None:
        """Find a live token: neither expired nor revoked."""
        token = self._tokens.get(text)
        return token if token and token.expires_at_s > self._clock.now() else None

    def revoke(self, text: str) -> None:
        self._tokens.pop(text, None)

    def revoke_all(self) -> None:
        self._tokens.clear()

    def _live(self, tokens: Iterable[Token]) -> list[Token]:
        now_s = self._clock.now()
        return [token for token in tokens if token.expires_at_s > now_s]
