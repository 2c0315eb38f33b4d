#!/usr/bin/env python3
"""What Consul's gossip thinks of its nodes, as JSON lines for a source of type `command`.

    consul.py [URL [TOKEN_FILE]]    by default: http://127.0.0.1:8500, without a token

The check `serfHealth` of a node: critical is down, passing is up. While there is no leader, or
nobody at all passes, it is Consul that is in trouble, and nothing is said.
Source: https://developer.hashicorp.com/consul/api-docs/health#list-checks-in-state
"""

import http.client
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TIMEOUT_S = 8
SIZE_MAX = 16 * 1024 * 1024
WORDS = {"critical": "down", "passing": "up"}


class Staying(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: the token would go along."""

    def redirect_request(self, *_: object) -> None:
        """Return no other request: the answer that leads elsewhere is an error."""


OPENER = urllib.request.build_opener(Staying)


def main() -> int:
    """Ask, and write a line for each node of which something is known."""
    given = dict(enumerate(sys.argv))
    url, token = given.get(1, "http://127.0.0.1:8500"), given.get(2, "")
    try:
        headers = {"X-Consul-Token": secret(Path(token))} if token else {}
        led(asked(f"{url}/v1/status/leader", headers))
        lines = [*told(asked(f"{url}/v1/health/state/any", headers))]
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.stderr.write(f"Consul: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def secret(file: Path) -> str:
    """Return a token. Raise ValueError, without a word of it, where it can be none."""
    found = file.read_bytes().strip()
    if not found or not found.isascii() or not found.decode().isprintable():
        msg = "its file holds no token: one line of ASCII"
        raise ValueError(msg)
    return found.decode()


def asked(url: str, headers: dict[str, str]) -> bytes:
    """Return what Consul answers."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the operator's own URL
    with OPENER.open(request, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read(SIZE_MAX))


def led(answer: bytes) -> None:
    """Raise ValueError unless there is a leader."""
    if not text(value(answer), "the leader"):
        msg = "there is no leader"
        raise ValueError(msg)


def told(answer: bytes) -> Iterator[str]:
    """Yield the lines that follow from Consul's checks. Raise ValueError where they are no use."""
    found = value(answer)
    if not isinstance(found, list) or not all(isinstance(check, dict) for check in found):
        msg = "its checks are no list of objects"
        raise ValueError(msg)
    serf = [check for check in found if check.get("CheckID") == "serfHealth"]
    if not any(check.get("Status") == "passing" for check in serf):
        msg = "no node passes: that is Consul's own trouble"
        raise ValueError(msg)
    for check in serf:
        verdict = WORDS.get(text(check.get("Status"), "a check's Status"))
        if verdict:
            summary = text(check.get("Output"), "a check's Output")[:300]
            host = text(check.get("Node"), "a check's Node")
            if not host:
                msg = "a check has no name of a node"
                raise ValueError(msg)
            yield json.dumps({"host": host, "verdict": verdict, "summary": summary})


def value(answer: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return what an answer says. Raise ValueError where it is no JSON."""
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        msg = "it has answered with no JSON that can be read"
        raise ValueError(msg) from None


def text(found: object, what: str) -> str:
    """Return what has to be text. Raise ValueError."""
    if not isinstance(found, str):
        msg = f"{what} is no text"
        raise ValueError(msg)  # noqa: TRY004 - all that is wrong with an answer is one error
    return found


if __name__ == "__main__":
    sys.exit(main())
