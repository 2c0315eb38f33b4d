#!/usr/bin/env python3
"""What a Pacemaker cluster thinks of its nodes, as JSON lines for a source of type `command`.

    crm_mon.py [COMMAND ...]        by default: crm_mon -1 --output-as=xml

A node that is unclean has been lost by the cluster, and is not fenced yet: down. One that is
online is up. One that is offline and clean was shut down, or has been fenced: nobody knows which,
so nothing is said. A partition without quorum has no say.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator

ASK = ("crm_mon", "-1", "--output-as=xml")
TIMEOUT_S = 8
SIZE_MAX = 4 * 1024 * 1024


def main() -> int:
    """Ask, and write a line for each node of which something is known."""
    argv = sys.argv[1:] or ASK
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - the operator's own words
        if done.returncode or len(done.stdout) > SIZE_MAX:
            sys.stderr.write(f"{argv[0]}: exit status {done.returncode}\n")
            return 1
        lines = [*told(done.stdout)]
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        sys.stderr.write(f"{argv[0]}: {error}\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def told(answer: bytes) -> Iterator[str]:
    """Yield the lines that follow from crm_mon's answer. Raise ValueError where it is of no use."""
    try:
        root = ET.fromstring(answer)  # noqa: S314 - the operator's own words; expat bounds entities
    except (ET.ParseError, LookupError, ValueError) as error:
        msg = f"it has written no XML that can be read: {error}"
        raise ValueError(msg) from None
    current = root.find("./summary/current_dc")
    if current is None or current.get("with_quorum") != "true":
        msg = "this partition has no quorum, and so no say"
        raise ValueError(msg)
    for node in root.findall("./nodes/node"):
        verdict = judged(node)
        if verdict:
            name = node.get("name")
            if not name:
                msg = "a node has no name"
                raise ValueError(msg)
            summary = f"Pacemaker has it as {verdict[1]}"
            yield json.dumps({"host": name, "verdict": verdict[0], "summary": summary})


def judged(node: ET.Element) -> tuple[str, str] | None:
    """Return what is said of a node, and why; None: nothing."""
    online, unclean = (node.get(name) == "true" for name in ("online", "unclean"))
    if unclean:
        return "down", "unclean: lost, and not fenced yet"
    if online and node.get("pending") != "true":
        return "up", "online"
    return None


if __name__ == "__main__":
    sys.exit(main())
