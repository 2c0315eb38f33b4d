"""Fence agents for tests: Debian's fence_dummy by another name, and scripts that misbehave."""

from __future__ import annotations

import shutil
from pathlib import Path

DUMMY = Path("/usr/sbin/fence_dummy")
METADATA = """<?xml version="1.0" ?>
<resource-agent name="fence_test" shortdesc="test" >
<parameters>
<parameter name="action" required="1"/>
<parameter name="ip" required="0" obsoletes="ipaddr"/>
<parameter name="ipaddr" required="0" deprecated="1"/>
<parameter name="plug" required="0"/>
<parameter name="password" required="0"/>
<parameter name="method" required="0"/>
</parameters>
<actions>
<action name="on"/><action name="off"/><action name="reboot"/><action name="status"/>
<action name="list"/>
</actions>
</resource-agent>"""


def dummy(folder: Path) -> Path:
    """fence_dummy, but for its name: by its own it is refused, for it cuts nothing."""
    agent = folder / "fence_switch"
    shutil.copy(DUMMY, agent)
    agent.chmod(0o755)
    (folder / "power").write_text("on", encoding="ascii")
    return agent


def scripted(folder: Path, script: str, metadata: str = METADATA) -> Path:
    """Make an agent that says what it is, and does as the script says for each other action.

    What it reads is in $given, a line each, and $action is the action. What it is told is kept.
    """
    agent = folder / "fence_test"
    lines = (
        "#!/bin/bash",
        "given=$(cat)",
        r'action=$(printf "%s\n" "$given" | sed -n "s/^action=//p")',
        'if [ "$action" = metadata ]; then',
        f"cat <<'XML'\n{metadata}\nXML",
        "exit 0; fi",
        f'printf "%s\\n" "$given" >> {folder}/told',
        script,
    )
    agent.write_text("\n".join(lines) + "\n", encoding="utf-8")
    agent.chmod(0o755)
    return agent


def told(folder: Path) -> list[str]:
    """Every line that the scripted agent was given."""
    file = folder / "told"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
