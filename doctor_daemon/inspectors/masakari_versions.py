"""How Masakari's API is found and agreed upon: versions, microversions, and the form of its errors.

Clients look at `/` or `/v1/` first, some of them without a token, and then say in a header which
microversion they mean. What is offered is what Masakari 22 has.

Source: OpenStack's API guidelines on microversions, and Masakari's own version documents.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from aiohttp import web
from typing_extensions import override

from doctor_daemon.inspectors.wire import shown
from doctor_daemon.ports.refusal import Refusal

HEADER = "OpenStack-API-Version"
SERVICE = "instance-ha"
LOWEST, HIGHEST = (1, 0), (1, 3)
DETAILS = (1, 1)
"""From here on a notification is shown with the details of its recovery."""
ENABLED = (1, 2)
"""From here on a segment says whether it is enabled."""
Version = tuple[int, int]

_VERSION = re.compile(r"([1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_FAULTS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    503: "serviceUnavailable",
}


class Fault(Refusal):
    """A refusal that is said as Masakari says it."""

    def __init__(self, refusal: Refusal) -> None:
        """Say another refusal. A host that is unknown, or not the source's, is a 400 there."""
        final = refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY or refusal.code == "foreign_host"
        status = int(HTTPStatus.BAD_REQUEST) if final else refusal.status
        super().__init__(
            status,
            refusal.code,
            refusal.message,
            field=refusal.field,
            expected=refusal.expected,
            details=refusal.details,
        )

    @override
    def body(self) -> dict[str, object]:
        """Return the body under the name that Masakari has for the status."""
        name = _FAULTS.get(self.status, "masakariFault")
        return {name: {"code": self.status, "message": str(self)}}


def asked_version(request: web.Request) -> Version:
    """Return the microversion that a request is made in. Raise Refusal (400 or 406)."""
    for item in ",".join(request.headers.getall(HEADER, [])).split(","):
        service, _, word = item.strip().partition(" ")
        if service.lower() == SERVICE:
            return _version(word.strip())
    return LOWEST


def _version(word: str) -> Version:
    if word.lower() == "latest":
        return HIGHEST
    match = _VERSION.fullmatch(word)
    expected = f"{text(LOWEST)} to {text(HIGHEST)}, or latest"
    if match is None:
        raise Refusal(400, "wrong_version", f"found {shown(word)}", field=HEADER, expected=expected)
    version = int(match[1]), int(match[2])
    if not LOWEST <= version <= HIGHEST:
        raise Refusal(406, "wrong_version", f"found {word}", field=HEADER, expected=expected)
    return version


def text(version: Version) -> str:
    """Write a microversion."""
    return f"{version[0]}.{version[1]}"


def versioned(body: object, version: Version, status: int = 200) -> web.Response:
    """Return an answer that says in which microversion it is given."""
    headers = {HEADER: f"{SERVICE} {text(version)}", "Vary": HEADER}
    return web.json_response(body, status=status, headers=headers)


def root_document(request: web.Request, path: str) -> dict[str, Any]:
    """Return what stands at `/`: every version there is."""
    return {"versions": [_about(request, path)]}


def version_document(request: web.Request, path: str) -> dict[str, Any]:
    """Return what stands at `/v1/`."""
    media = "application/vnd.openstack.masakari+json;version=1"
    types = [{"base": "application/json", "type": media}]
    return {"version": {**_about(request, path), "media-types": types}}


def _about(request: web.Request, path: str) -> dict[str, Any]:
    return {
        "id": "v1.0",
        "status": "CURRENT",
        "version": text(HIGHEST),
        "min_version": text(LOWEST),
        "updated": "2016-07-01T11:33:21Z",
        "links": [{"rel": "self", "href": f"{_origin(request)}{path}/v1/"}],
    }


def _origin(request: web.Request) -> str:
    """Return how the client calls us; '' where that is no name (the link is relative then)."""
    host = request.headers.get("Host", "")
    return f"{request.scheme}://{host}" if _HOST.fullmatch(host) else ""
