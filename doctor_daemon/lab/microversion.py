"""Which microversion of the compute API a request asks for.

Source: the API microversions specification of Nova (`OpenStack-API-Version`, and the older header
`X-OpenStack-Nova-API-Version`). Contract: NovaContract.test_microversion_headers.
"""

from __future__ import annotations

import re

from aiohttp import web

from doctor_daemon.lab.schema import Refusal

Version = tuple[int, int]
LOWEST: Version = (2, 1)
HEADER = "OpenStack-API-Version"
OLD_HEADER = "X-OpenStack-Nova-API-Version"
_FORM = re.compile(r"([1-9]\d*)\.([1-9]\d*|0)")


def text(version: Version) -> str:
    """Write `2.53`."""
    return f"{version[0]}.{version[1]}"


def parse(word: str) -> Version:
    """Read `2.53`. Raises Refusal (400)."""
    match = _FORM.fullmatch(word)
    if match is None:
        raise Refusal(
            400,
            f"API Version String {word} is of invalid format. Must be of format MajorNum.MinorNum.",
        )
    return int(match[1]), int(match[2])


def asked(request: web.Request, highest: Version) -> Version:
    """Read the microversion a request asks for. Raises Refusal (400 or 406)."""
    word = _asked(request)
    if word is None:
        return LOWEST
    if word == "latest":
        return highest
    version = parse(word)
    if not LOWEST <= version <= highest:
        raise Refusal(
            406,
            f"Version {word} is not supported by the API. "
            f"Minimum is {text(LOWEST)} and maximum is {text(highest)}.",
        )
    return version


def _asked(request: web.Request) -> str | None:
    for item in request.headers.get(HEADER, "").split(","):
        service, _, word = item.strip().partition(" ")
        if service.lower() == "compute":
            return word.strip()
    return request.headers.get(OLD_HEADER)
