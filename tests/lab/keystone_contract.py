"""What a Keystone does, as far as the daemon meets it. The lab passes this, and Keystone 30.

To run it on a real one, subclass `KeystoneContract` in a test module and give it a fixture `target`
that returns a KeystoneTarget: a running Keystone with an admin and a plain member of a project, all
of the domain `default`. The tests create and revoke tokens, and change nothing else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from tests.lab.caller import Caller, Reply

Json = dict[str, Any]


class KeystoneTarget(Protocol):
    """A Keystone, and whom it knows."""

    @property
    def root(self) -> str:
        """Its URL without `/v3`."""

    @property
    def caller(self) -> Caller: ...

    @property
    def admin(self) -> tuple[str, str, str]:
        """User, password and project of an admin."""

    @property
    def member(self) -> tuple[str, str, str]:
        """The same of a user without the role admin."""

    @property
    def credential(self) -> tuple[str, str]:
        """Id and secret of an application credential of the admin."""


def by_password(user: str, password: str, project: str | None) -> Json:
    domain = {"id": "default"}
    named = {"name": user, "domain": domain, "password": password}
    auth: Json = {"identity": {"methods": ["password"], "password": {"user": named}}}
    if project:
        auth["scope"] = {"project": {"name": project, "domain": domain}}
    return {"auth": auth}


def by_credential(credential_id: str, secret: str) -> Json:
    what = {"id": credential_id, "secret": secret}
    identity = {"methods": ["application_credential"], "application_credential": what}
    return {"auth": {"identity": identity}}


async def _ask(target: KeystoneTarget, body: object) -> Reply:
    return await target.caller.ask("POST", f"{target.root}/v3/auth/tokens", body=body)


async def _token(target: KeystoneTarget, who: tuple[str, str, str]) -> str:
    return (await _ask(target, by_password(*who))).headers["X-Subject-Token"]


async def _look(target: KeystoneTarget, method: str, **words: str) -> Reply:
    headers = {f"X-{name.title()}-Token": word for name, word in words.items()}
    return await target.caller.ask(method, f"{target.root}/v3/auth/tokens", headers=headers)


class KeystoneContract:
    async def test_discovery(self, target: KeystoneTarget) -> None:
        choice = await target.caller.ask("GET", f"{target.root}/")
        assert choice.status == 300
        assert choice.body["versions"]["values"][0]["id"].startswith("v3.")
        for path in ("/v3", "/v3/"):
            reply = await target.caller.ask("GET", target.root + path)
            assert reply.status == 200
            assert reply.body["version"]["links"][0]["href"] == f"{target.root}/v3/"

    async def test_password(self, target: KeystoneTarget) -> None:
        reply = await _ask(target, by_password(*target.admin))
        token = reply.body["token"]
        assert reply.status == 201
        assert token["methods"] == ["password"]
        assert token["user"]["name"] == target.admin[0]
        assert token["project"]["name"] == target.admin[2]
        assert "admin" in [role["name"] for role in token["roles"]]

    async def test_token_times_are_utc_with_microseconds(self, target: KeystoneTarget) -> None:
        token = (await _ask(target, by_password(*target.admin))).body["token"]
        form = "%Y-%m-%dT%H:%M:%S.%fZ"
        expires = datetime.strptime(token["expires_at"], form).replace(tzinfo=UTC)
        issued = datetime.strptime(token["issued_at"], form).replace(tzinfo=UTC)
        assert issued < expires
        assert abs((issued - datetime.now(UTC)).total_seconds()) < 5

    async def test_catalogue(self, target: KeystoneTarget) -> None:
        token = (await _ask(target, by_password(*target.admin))).body["token"]
        compute = next(entry for entry in token["catalog"] if entry["type"] == "compute")
        interfaces = {endpoint["interface"] for endpoint in compute["endpoints"]}
        assert interfaces == {"public", "internal", "admin"}
        assert all(e["url"].endswith("/v2.1") and e["region_id"] for e in compute["endpoints"])

    async def test_nocatalog(self, target: KeystoneTarget) -> None:
        url = f"{target.root}/v3/auth/tokens?nocatalog"
        reply = await target.caller.ask("POST", url, body=by_password(*target.admin))
        assert reply.status == 201
        assert "catalog" not in reply.body["token"]

    async def test_member_has_no_admin_role(self, target: KeystoneTarget) -> None:
        token = (await _ask(target, by_password(*target.member))).body["token"]
        assert "admin" not in [role["name"] for role in token["roles"]]

    async def test_unscoped_token_has_no_roles(self, target: KeystoneTarget) -> None:
        user, password, _ = target.admin
        reply = await _ask(target, by_password(user, password, None))
        assert reply.status == 201
        assert not {"project", "roles", "catalog"} & reply.body["token"].keys()

    async def test_wrong_logins(self, target: KeystoneTarget) -> None:
        user, password, project = target.admin
        other = target.member[2]
        for wrong in (
            by_password(user, "not it", project),
            by_password("nobody", password, project),
            by_password(user, password, "no such project"),
            by_password(*target.member[:2], project),
            by_password(*target.member[:2], other + "x"),
        ):
            reply = await _ask(target, wrong)
            assert reply.status == 401
            assert reply.message == "The request you have made requires authentication."
            assert reply.headers["WWW-Authenticate"].startswith("Keystone uri=")

    async def test_wrong_bodies(self, target: KeystoneTarget) -> None:
        url = f"{target.root}/v3/auth/tokens"
        assert (await target.caller.ask("POST", url, raw=b"{nope")).status == 400
        assert (await _ask(target, {"auth": {}})).status == 400

    async def test_application_credential(self, target: KeystoneTarget) -> None:
        reply = await _ask(target, by_credential(*target.credential))
        assert reply.status == 201
        assert reply.body["token"]["methods"] == ["application_credential"]
        assert reply.body["token"]["project"]["name"] == target.admin[2]

    async def test_wrong_application_credentials(self, target: KeystoneTarget) -> None:
        named, secret = target.credential
        assert (await _ask(target, by_credential(named, "not it"))).status == 401
        assert (await _ask(target, by_credential("nope", secret))).status == 404

    async def test_application_credential_with_a_scope(self, target: KeystoneTarget) -> None:
        body = by_credential(*target.credential)
        body["auth"]["scope"] = by_password(*target.admin)["auth"]["scope"]
        reply = await _ask(target, body)
        assert reply.status == 401
        assert "cannot request a scope" in reply.message

    async def test_validation(self, target: KeystoneTarget) -> None:
        admin = await _token(target, target.admin)
        member = await _token(target, target.member)
        reply = await _look(target, "GET", auth=admin, subject=member)
        assert reply.status == 200
        assert reply.headers["X-Subject-Token"] == member
        assert reply.body["token"]["user"]["name"] == target.member[0]
        assert (await _look(target, "GET", auth=member, subject=member)).status == 200

    async def test_wrong_validations(self, target: KeystoneTarget) -> None:
        admin = await _token(target, target.admin)
        member = await _token(target, target.member)
        assert (await _look(target, "GET", auth="bogus", subject=member)).status == 401
        assert (await _look(target, "GET", auth=admin, subject="bogus")).status == 404
        assert (await _look(target, "GET", auth=admin)).status == 404
        assert (await _look(target, "GET", auth=member, subject=admin)).status == 403

    async def test_revocation(self, target: KeystoneTarget) -> None:
        admin = await _token(target, target.admin)
        member = await _token(target, target.member)
        assert (await _look(target, "DELETE", auth=admin, subject=member)).status == 204
        assert (await _look(target, "GET", auth=admin, subject=member)).status == 404
        own = await _look(target, "GET", auth=member, subject=member)
        assert own.status in (401, 404)
