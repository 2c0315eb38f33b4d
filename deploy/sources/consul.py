#!/usr/bin/env python3
"""What Consul's gossip thinks of its nodes, as JSON lines for a source of type `command`.

    consul.py [URL [TOKEN_FILE]]    by default: http://127.0.0.1:8500, without a token

The check `serfHealth` of a node: critical is down, passing is up. While there is no leader, or
nobody at all passes, it is Consul that is in trouble, and nothing is said.
Source: https://developer.hashicorp.com/consul/api-docs/health#list-checks-in-state
"""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

TIMEOUT_S = 8
SIZE_MAX = 16 * 1024 * 1024
WORDS = {"critical": "down", "passing": "up"}


def main() -> int:
    """Ask, and write a line for each node of which something is known."""
    given = dict(enumerate(sys.argv))
    url, token = given.get(1, "http://127.0.0.1:8500"), given.get(2, "")
    headers = {"X-Consul-Token": Path(token).read_text(encoding="utf-8").strip()} if token else {}
    if not asked(f"{url}/v1/status/leader", headers):
        sys.stderr.write("Consul has no leader\n")
        return 1
    checks = asked(f"{url}/v1/health/state/any", headers)
    serf = [check for check in checks if check.get("CheckID") == "serfHealth"]
    if not any(check["Status"] == "passing" for check in serf):
        sys.stderr.write("no node passes: that is Consul's own trouble\n")
        return 1
    for check in serf:
        verdict = WORDS.get(check["Status"])
        if verdict:
            line = {"host": check["Node"], "verdict": verdict, "summary": check["Output"][:300]}
            sys.stdout.write(json.dumps(line) + "\n")
    return 0


def asked(url: str, headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return what Consul answers."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the operator's own URL
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
        return json.loads(answer.read(SIZE_MAX))


if __name__ == "__main__":
    sys.exit(main())
