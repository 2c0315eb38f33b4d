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

ASK = ("crm_mon", "-1", "--output-as=xml")
TIMEOUT_S = 8
SIZE_MAX = 4 * 1024 * 1024


def main() -> int:
    """Ask, and write a line for each node of which something is known."""
    argv = sys.argv[1:] or ASK
    done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - the operator's own words
    if done.returncode or len(done.stdout) > SIZE_MAX:
        sys.stderr.write(f"{argv[0]}: exit status {done.returncode}\n")
        return 1
    root = ET.fromstring(done.stdout)  # noqa: S314 - as above; expat bounds entities
    current = root.find("./summary/current_dc")
    if current is None or current.get("with_quorum") != "true":
        sys.stderr.write("this partition has no quorum, and so no say\n")
        return 1
    for node in root.findall("./nodes/node"):
        verdict = judged(node)
        if verdict:
            summary = f"Pacemaker has it as {verdict[1]}"
            line = {"host": node.get("name"), "verdict": verdict[0], "summary": summary}
            sys.stdout.write(json.dumps(line) + "\n")
    return 0


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
