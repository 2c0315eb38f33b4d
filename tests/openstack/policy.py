"""What the testbed's policy shows servers' owners of `host_status`, changed while Nova runs.

Nova reads its policy file anew at the first request after a change. The scenarios begin with
owners who see everything; upstream's default is that they see nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from doctor_daemon.lab.servers import OwnerSees
from tests.openstack.estate import Estate

RULE = "os_compute_api:servers:show:host_status"
_OWNERS = "rule:project_reader_or_admin"
LINES = {
    OwnerSees.NOTHING: "",
    OwnerSees.UNKNOWN_ONLY: f'"{RULE}:unknown-only": "{_OWNERS}"\n',
    OwnerSees.FULL: f'"{RULE}": "{_OWNERS}"\n',
}


@contextmanager
def policy_of_owners(estate: Estate, sees: OwnerSees) -> Iterator[None]:
    """Let owners see this much, and in the end what they saw before."""
    with policy_lines(estate, LINES[sees]):
        yield


@contextmanager
def policy_lines(estate: Estate, lines: str) -> Iterator[None]:
    """Have these lines in the policy in the place of all that concern host_status."""
    file = estate.site.run / "etc" / "nova" / "policy.yaml"
    before = file.read_text()
    others = [line for line in before.splitlines(keepends=True) if RULE not in line]
    file.write_text("".join(others) + lines)
    try:
        yield
    finally:
        file.write_text(before)
