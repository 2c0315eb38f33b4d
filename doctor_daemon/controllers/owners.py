"""What servers' owners are shown of their hosts: asked as an owner, since no admin can tell.

Nova has no call that shows its policy, and an admin is shown everything. So an ordinary account is
needed, of a project that has a server: another entry of the same clouds.yaml. It is used for this
one question, when somebody checks, and never by the running daemon. Nothing is changed by it.
Source: Nova's policy reference, `os_compute_api:servers:show:host_status`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from doctor_daemon.controllers.clouds import read_cloud
from doctor_daemon.controllers.compute import Compute, Way
from doctor_daemon.controllers.http import Wire, tls_context
from doctor_daemon.controllers.keystone import Keystone, load_plugin
from doctor_daemon.controllers.microversions import HOST_STATUS, Version
from doctor_daemon.controllers.rows import Row, decode, rows
from doctor_daemon.controllers.states import host_status
from doctor_daemon.controllers.tokens import Tokens
from doctor_daemon.core.server_state import HostStatus
from doctor_daemon.errors import DoctorError
from doctor_daemon.ports import Clock
from doctor_daemon.ports.secrets import SecretFile

RULE = "os_compute_api:servers:show:host_status"
READER_SINCE = Version(2, 95)
"""Nova 27 (2023.1). Every one from there on knows `project_reader_or_admin`; older ones know
`admin_or_owner`, which those still know too, but call deprecated."""
LOOKED_AT_MAX = 50
"""Servers of the owner that are looked at."""
_OPEN = "whether servers' owners are shown host_status"
_MISSING = (
    f"{_OPEN}, an admin cannot tell: Nova does not say its policy. Name in cloud.owner_cloud an "
    "entry of clouds.yaml that is an ordinary user of a project with a server"
)


@dataclass(frozen=True, slots=True)
class Account:
    """An entry of a clouds.yaml, and how long to wait. Without a name there is none."""

    file: SecretFile
    cloud: str
    connect_s: float
    read_s: float
    keystone_s: float
    token_s: float
    """How long a token may take in all."""


async def hidden(account: Account, clock: Clock) -> Sequence[str]:
    """Return what an owner is not shown, and what would help; none: everything is shown."""
    if not account.cloud:
        return [_MISSING]
    try:
        async with _logged_in(account, clock) as (tokens, compute):
            if "admin" in (await tokens.current()).grant.roles:
                return [f"{_OPEN} cannot be told: {account.cloud} has the role admin itself"]
            query = {"limit": str(LOOKED_AT_MAX)}
            got = await compute.get("servers/detail", query, HOST_STATUS, _read)
            newer = (await compute.offer()).high >= READER_SINCE
            rule = "rule:project_reader_or_admin" if newer else "rule:admin_or_owner"
            return judged(got.value, account.cloud, rule)
    except DoctorError as error:
        return [f"{_OPEN} cannot be told: {error}"]


@asynccontextmanager
async def _logged_in(account: Account, clock: Clock) -> AsyncIterator[tuple[Tokens, Compute]]:
    """Give an owner's way to Nova, and take it down again. Raise ConfigError."""
    entry = read_cloud(account.file, account.cloud)
    load_plugin(entry)
    tls = tls_context(entry.cacert, entry.cert, entry.key, verify=entry.verify)
    keystone = Keystone(lambda: entry, account.keystone_s)
    tokens = Tokens(keystone.grant, clock, account.token_s)
    wire = Wire(tls, clock, connections=1, connect_s=account.connect_s, keep_s=0.0)
    way = Way(wire, account.read_s)
    compute = Compute(tokens, reads=way, writes=way, evacuations=way)
    try:
        yield tokens, compute
    finally:
        await tokens.close()
        await compute.close()


def _read(body: bytes) -> Sequence[Row]:
    return rows(decode(body), "servers")


def judged(shown: Sequence[Row], owner: str, rule: str) -> Sequence[str]:
    """Return what these rows, as an owner was shown them, say of Nova's policy.

    A row of a cell that is down has no host_status, whatever policy says.
    """
    found = [host_status(row) for row in shown if row.get("status") != "UNKNOWN"]
    if not found:
        return [f"{_OPEN} cannot be told: the project of {owner} has no server to be shown"]
    if any(status not in (None, HostStatus.UNKNOWN) for status in found):
        return []
    if None not in found:
        return [f"{_OPEN} in full cannot be told now: every host of {owner}'s servers is UNKNOWN"]
    most = "nothing of host_status but UNKNOWN" if any(found) else "no host_status"
    lead = (
        f"servers' owners are shown {most}: they cannot see in Nova that their host is DOWN or in"
    )
    return [
        f"{lead} MAINTENANCE",
        f'to let them, add to Nova\'s policy.yaml: "{RULE}": "{rule}"',
        f'or, to show them UNKNOWN and nothing else: "{RULE}:unknown-only": "{rule}"',
    ]
