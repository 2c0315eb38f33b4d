"""Requests to the testbed's services, as an operator or a tenant makes them.

Written with the standard library alone: a test that asked Nova through the daemon's own client
would share its mistakes.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.openstack.testbed.site import PASSWORD, Site

IMAGE = "11111111-2222-4333-8444-555555555555"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: lower-cased headers, and the body as text and, where it is JSON, as value."""

    status: int
    headers: Mapping[str, str]
    text: str
    duration_s: float

    @property
    def json(self) -> dict[str, Any]:
        """The body, which is an object; an empty body is an empty one."""
        return dict(json.loads(self.text or "{}"))


def ask(
    method: str,
    url: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 60.0,
) -> Answer:
    """One request on a connection of its own. OSError: nobody there, or no answer in time."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port)
    connection = (
        http.client.HTTPSConnection(*address, timeout=timeout_s, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(*address, timeout=timeout_s)
    )
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
    began = time.monotonic()
    try:
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        got = connection.getresponse()
        text = got.read().decode()
    finally:
        connection.close()
    lowered = {name.lower(): value for name, value in got.getheaders()}
    return Answer(got.status, lowered, text, time.monotonic() - began)


class Refused(Exception):
    """A service gave another answer than the test depends on."""


class Cloud:
    """One user's way into the testbed."""

    def __init__(self, site: Site, user: str = "admin", project: str = "admin") -> None:
        self._site = site
        got = ask("POST", site.auth_url + "/auth/tokens", _login(user, project))
        if got.status != 201:
            raise Refused(f"no token for {user}: {got.status} {got.text}")
        self._token = got.headers["x-subject-token"]

    def compute(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str = "2.1",
        expect: int = 200,
    ) -> dict[str, Any]:
        """A request to Nova at a microversion; the JSON of the answer. Refused: another status."""
        answer = self.compute_answer(method, path, body, version=version)
        if answer.status != expect:
            raise Refused(f"{method} {path} answered {answer.status}: {answer.text}")
        return answer.json

    def compute_answer(
        self, method: str, path: str, body: object = None, *, version: str = "2.1"
    ) -> Answer:
        """As ``compute``, for callers to whom every status means something."""
        return self._ask(
            method,
            self._site.url("nova", "/v2.1" + path),
            body,
            {"OpenStack-API-Version": f"compute {version}"},
        )

    def identity(
        self, method: str, path: str, body: object = None, *, expect: int = 200
    ) -> dict[str, Any]:
        """As ``compute``, to Keystone."""
        answer = self._ask(method, self._site.auth_url + path, body, {})
        if answer.status != expect:
            raise Refused(f"{method} {path} answered {answer.status}: {answer.text}")
        return answer.json

    def compute_services(self) -> dict[str, dict[str, Any]]:
        """Nova's own words about each nova-compute, by host."""
        rows = self.compute("GET", "/os-services?binary=nova-compute", version="2.53")["services"]
        return {row["host"]: row for row in rows}

    def mark(self, service_id: str, **fields: object) -> None:
        """Change a compute service: forced_down, status, disabled_reason."""
        self.compute("PUT", f"/os-services/{service_id}", fields, version="2.53")

    def _ask(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> Answer:
        return ask(method, url, body, headers={"X-Auth-Token": self._token, **headers})


def _login(user: str, project: str) -> dict[str, Any]:
    domain = {"id": "default"}
    password = {"user": {"name": user, "domain": domain, "password": PASSWORD}}
    identity = {"methods": ["password"], "password": password}
    return {
        "auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}
    }
