"""The simulated Keystone over HTTP: version discovery, and tokens to give out, check and revoke.

Contract: tests/lab/keystone_contract.py, whose tests are named at each behaviour. It knows the
domain `default`, passwords and application credentials, and tokens of a project or of none.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.credentials import REGION
from doctor_daemon.lab.faults import Faults, Seam, Service
from doctor_daemon.lab.identity import Identity, Project, Token, User

Json = dict[str, Any]
BODY_MAX = 64 * 1024
DOMAIN = {"id": "default", "name": "Default"}
_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_UNAUTHORIZED = "The request you have made requires authentication."


class _Refusal(Exception):
    """A request that Keystone answers with an error."""

    def __init__(self, status: int, message: str = _UNAUTHORIZED) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class KeystoneOptions:
    """What an installation of Keystone may differ in."""

    token_lifetime_s: float = 3600.0
    delay_s: float = 0.0


class Keystone:
    """The identity API of the lab."""

    def __init__(
        self, identity: Identity, clock: Clock, root: str, options: KeystoneOptions
    ) -> None:
        self.root = root
        self.endpoints: dict[str, str] = {"identity": f"{root}/v3"}
        """Service type -> URL: the catalogue."""
        self._identity = identity
        self._clock = clock
        self._options = options

    def app(self, faults: Faults) -> web.Application:
        delay_s = self._options.delay_s
        seam = Seam(Service.KEYSTONE, lambda _: "", self._error, self._revoke, delay_s)
        app = web.Application(
            middlewares=[faults.middleware(seam), self._refusals], client_max_size=BODY_MAX
        )
        app.router.add_get("/", self._versions)
        app.router.add_get("/v3", self._version)
        app.router.add_get("/v3/", self._version)
        app.router.add_post("/v3/auth/tokens", self._issue)
        app.router.add_get("/v3/auth/tokens", self._validate)
        app.router.add_delete("/v3/auth/tokens", self._delete)
        return app

    # -- discovery ---------------------------------------------------------------------------

    async def _versions(self, _request: web.Request) -> web.Response:
        """Offer the choice of one version. Contract: KeystoneContract.test_discovery."""
        body = {"versions": {"values": [self._about()]}}
        return web.json_response(body, status=300, headers={"Location": f"{self.root}/v3/"})

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": self._about()})

    def _about(self) -> Json:
        return {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": f"{self.root}/v3/"}],
            "media-types": [
                {
                    "base": "application/json",
                    "type": "application/vnd.openstack.identity-v3+json",
                }
            ],
        }

    # -- tokens ------------------------------------------------------------------------------

    async def _issue(self, request: web.Request) -> web.Response:
        """Give a token out. Contract: KeystoneContract.test_password and those after it."""
        auth = _auth(await request.read())
        match auth.get("identity"):
            case {"methods": ["password"], "password": {"user": dict(who)}}:
                user = self._by_password(who)
                token = self._identity.issue(user, _scope(auth, user), "password")
            case {"methods": ["application_credential"], "application_credential": dict(what)}:
                user = self._by_credential(what, scoped="scope" in auth)
                token = self._identity.issue(user, user.project, "application_credential")
            case None:
                raise _Refusal(400, "'identity' is a required property")
            case _:
                raise _Refusal(401)
        return self._told(token, request, status=201)

    async def _validate(self, request: web.Request) -> web.Response:
        """Describe another's token, or one's own. Contract: KeystoneContract.test_validation."""
        return self._told(self._subject(request), request, status=200)

    async def _delete(self, request: web.Request) -> web.Response:
        """Revoke a token. Contract: KeystoneContract.test_revocation."""
        self._identity.revoke(self._subject(request).text)
        return web.Response(status=204)

    def _by_password(self, who: Json) -> User:
        user = self._user(who)
        given = str(who.get("password", ""))
        if user is None or not hmac.compare_digest(given.encode(), user.password.encode()):
            raise _Refusal(401)
        return user

    def _by_credential(self, what: Json, *, scoped: bool) -> User:
        """Find whose credential it is. Contract: KeystoneContract.test_application_credential."""
        if scoped:
            raise _Refusal(
                401,
                "Error authenticating with application credential: "
                "Application credentials cannot request a scope.",
            )
        owner = self._user(what.get("user"))
        named = str(what.get("id") or what.get("name"))
        found = self._identity.credential(
            credential_id=str(what.get("id", "")), name=str(what.get("name", "")), user=owner
        )
        if found is None:
            raise _Refusal(404, f"Could not find Application Credential: {named}.")
        if not hmac.compare_digest(str(what.get("secret", "")).encode(), found.secret.encode()):
            raise _Refusal(401)
        return found.user

    def _user(self, who: object) -> User | None:
        if not isinstance(who, dict):
            return None
        if "id" in who:
            return self._identity.user(user_id=str(who["id"]))
        if not _in_default(who.get("domain")):
            return None
        return self._identity.user(name=str(who.get("name", "")))

    def _subject(self, request: web.Request) -> Token:
        """Find the token that is asked about. Raises _Refusal (401, 403 or 404)."""
        caller = self._identity.token(request.headers.get("X-Auth-Token", ""))
        if caller is None:
            raise _Refusal(401)
        named = request.headers.get("X-Subject-Token")
        if named is None:
            raise _Refusal(404, "No token in the request")
        subject = self._identity.token(named)
        if subject is None:
            raise _Refusal(404, "Failed to validate token")
        if subject.user != caller.user and not caller.admin:
            raise _Refusal(
                403,
                "You are not authorized to perform the requested action: identity:validate_token.",
            )
        return subject

    # -- answers -----------------------------------------------------------------------------

    def _told(self, token: Token, request: web.Request, status: int) -> web.Response:
        body = self._described(token)
        if token.project and "nocatalog" not in request.query:
            body["catalog"] = [
                {
                    "id": _id(kind),
                    "type": kind,
                    "name": kind,
                    "endpoints": _endpoints(kind, url, token.project),
                }
                for kind, url in self.endpoints.items()
            ]
        headers = {"X-Subject-Token": token.text, "Vary": "X-Auth-Token"}
        return web.json_response({"token": body}, status=status, headers=headers)

    def _described(self, token: Token) -> Json:
        body: Json = {
            "methods": [token.method],
            "user": {
                "domain": DOMAIN,
                "id": token.user.id,
                "name": token.user.name,
                "password_expires_at": None,
            },
            "audit_ids": [_id(token.text)[:22]],
            "expires_at": self._clock.exact(token.expires_at_s) + "Z",
            "issued_at": self._clock.exact(token.issued_at_s) + "Z",
        }
        if token.project:
            body["project"] = {
                "domain": DOMAIN,
                "id": token.project.id,
                "name": token.project.name,
            }
            body["is_domain"] = False
            body["roles"] = [{"id": _id(role), "name": role} for role in token.user.roles]
        return body

    @property
    def _refusals(self) -> Middleware:
        @web.middleware
        async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except _Refusal as refusal:
                return self._error(refusal.status, refusal.message)

        return refuse

    def _error(self, status: int, message: str = "An unexpected error occurred.") -> web.Response:
        error = {"code": status, "message": message, "title": _TITLES.get(status, "Error")}
        headers = {"Vary": "X-Auth-Token"}
        if status == 401:  # noqa: PLR2004 - an HTTP status
            headers["WWW-Authenticate"] = f'Keystone uri="{self.root}/v3"'
        return web.json_response({"error": error}, status=status, headers=headers)

    def _revoke(self, request: web.Request) -> None:
        self._identity.revoke(request.headers.get("X-Auth-Token", ""))


def _auth(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise _Refusal(400, "Expecting to find valid JSON in request body.") from error
    match body:
        case {"auth": dict(auth)}:
            return auth
        case _:
            raise _Refusal(400, "'auth' is a required property")


def _scope(auth: Mapping[str, object], user: User) -> Project | None:
    """Find the project asked for; a user has roles in one. Raises _Refusal (401)."""
    match auth.get("scope"):
        case None | "unscoped":
            return None
        case {"project": {"id": user.project.id}}:
            return user.project
        case {"project": {"name": user.project.name, "domain": domain}} if _in_default(domain):
            return user.project
        case _:
            raise _Refusal(401)


def _in_default(domain: object) -> bool:
    return isinstance(domain, dict) and (
        domain.get("id") == DOMAIN["id"] or domain.get("name") == DOMAIN["name"]
    )


def _endpoints(kind: str, url: str, project: Project) -> list[Json]:
    return [
        {
            "id": _id(f"{kind}/{interface}"),
            "interface": interface,
            "region": REGION,
            "region_id": REGION,
            "url": url.replace("$(project_id)s", project.id),
        }
        for interface in ("public", "internal", "admin")
    ]


def _id(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, name).hex
