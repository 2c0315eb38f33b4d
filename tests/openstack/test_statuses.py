"""Every status that this Nova can show has a row in the documentation, and so a decided end.

Nova's own table says which there are. A newer Nova with one more fails here, before it surprises
somebody at night.
"""

from __future__ import annotations

import json
import subprocess

from tests.controllers.test_statuses import TABLE
from tests.openstack.estate import Estate

QUESTION = """
import json
from nova.api.openstack.common import _STATE_MAP
shown = [(vm, task, status) for vm, tasks in _STATE_MAP.items() for task, status in tasks.items()]
print(json.dumps(shown))
"""


def test_every_status_that_nova_shows_has_a_row(estate: Estate) -> None:
    argv = [str(estate.site.bin / "python"), "-c", QUESTION]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    shown = {tuple(row) for row in json.loads(done.stdout.splitlines()[-1])}
    assert len(shown) > len(TABLE)
    told = {
        (vm_state, task.replace("none", "default"), status)
        for _, status, vm_states, tasks, *_ in TABLE
        for vm_state in vm_states.split(", ")
        for task in tasks.split(", ")
    }
    assert shown - told == set()
