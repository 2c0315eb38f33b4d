"""A proxy in front of a real Nova that makes an old one of it: it offers less, and serves no more.

All that a Nova did in an older microversion a newer one does still, when it is asked so. What makes
a Nova old to its callers is only that it does not say more in its version document, and that it
answers 406 to who asks for more.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tests.openstack.estate import Estate
from tests.openstack.listener import Asked, Listener, Reply
from tests.openstack.proxy import forward

Version = tuple[int, int]
_HEADER, _OLD_HEADER = "openstack-api-version", "x-openstack-nova-api-version"
_DOCUMENTS = ("/", "/v2.1", "/v2.1/")


class Elderly:
    """Listens in the place of a Nova, and offers no more than a microversion."""

    def __init__(self, host: str, port: int, highest: Version = (2, 52)) -> None:
        self._address = (host, port)
        self._highest = highest
        self._listener = Listener(self._pass)

    @property
    def url(self) -> str:
        return self._listener.url

    def close(self) -> None:
        self._listener.close()

    def _pass(self, asked: Asked) -> Reply:
        headers = dict(asked.headers)
        word = _asked_for(headers)
        if word == "latest":
            headers[_HEADER] = f"compute {_text(self._highest)}"
        elif word and _version(word) > self._highest:
            return self._refusal(word)
        try:
            reply = forward(self._address, replace(asked, headers=headers))
        except OSError:
            return Reply(502, b"the service behind the proxy does not answer")
        if asked.method != "GET" or asked.path not in _DOCUMENTS:
            return reply
        return replace(reply, body=json.dumps(self._lowered(json.loads(reply.body))).encode())

    def _refusal(self, word: str) -> Reply:
        """Answer as Nova does, in its words."""
        message = (
            f"Version {word} is not supported by the API. "
            f"Minimum is 2.1 and maximum is {_text(self._highest)}."
        )
        body = {"computeFault": {"code": 406, "message": message}}
        return Reply(406, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _lowered(self, document: dict[str, Any]) -> dict[str, Any]:
        """Let v2.1 have another highest microversion, in either of the two documents."""
        told = [*document.get("versions", ()), document.get("version", {})]
        for version in told:
            if version.get("id") == "v2.1":
                version["version"] = _text(self._highest)
        return document


def _asked_for(headers: dict[str, str]) -> str:
    for item in headers.get(_HEADER, "").split(","):
        service, _, word = item.strip().partition(" ")
        if service == "compute":
            return word.strip()
    return headers.get(_OLD_HEADER, "")


def _version(word: str) -> Version:
    major, _, minor = word.partition(".")
    return int(major), int(minor)


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def aged(estate: Estate, highest: tuple[int, int] = (2, 52)) -> Elderly:
    """An old Nova, of which all that comes through is recorded."""
    return Elderly("127.0.0.1", urlsplit(estate.proxy.url).port or 0, highest)
