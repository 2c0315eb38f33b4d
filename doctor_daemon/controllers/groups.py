"""Nova's server groups: whose servers are to be kept apart, and whose together.

Source: Nova API reference, "List Server Groups", at microversions 2.1 to 2.64: until 2.63 the one
policy of a group stands in a list. `all_projects` is for admins, and is dropped without a word for
a role that is none: then only the groups of its own project are listed. A page has as many groups
as the installation allows, and there is no link to the next: the list has ended when a page is
empty.
"""

from __future__ import annotations

from collections.abc import Sequence

from doctor_daemon.controllers.compute import Compute
from doctor_daemon.controllers.microversions import GROUPS
from doctor_daemon.controllers.rows import Row, decode, optional, rows, text
from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.host import ServerId
from doctor_daemon.errors import Permanent

PATH = "os-server-groups"
PAGE = 1_000
PAGES_MAX = 200


async def whole_list(compute: Compute) -> Sequence[ServerGroup]:
    """List the groups of all projects to the end, each once."""
    found: dict[str, ServerGroup] = {}
    offset = 0
    for _ in range(PAGES_MAX):
        query = {"all_projects": "true", "limit": str(PAGE), "offset": str(offset)}
        page = (await compute.get(PATH, query, GROUPS, read_groups)).value
        found |= {group.id: group for group in page}
        offset += len(page)
        if not page:
            return tuple(found.values())
    msg = f"Nova's list of server groups has no end after {PAGES_MAX} pages"
    raise Permanent(msg)


def read_groups(body: bytes) -> Sequence[ServerGroup]:
    """Read one page. Raise Permanent when it is not as documented."""
    return tuple(_group(row) for row in rows(decode(body), "server_groups"))


def _group(row: Row) -> ServerGroup:
    members = row.get("members")
    if not isinstance(members, list) or not all(isinstance(one, str) for one in members):
        msg = f"Nova's server group {row.get('id')!r:.60} has no list of members"
        raise Permanent(msg)
    return ServerGroup(
        id=text(row, "id"),
        name=optional(row, "name"),
        policy=_policy(row),
        members=frozenset(ServerId(one) for one in members),
    )


def _policy(row: Row) -> str:
    policies = row.get("policies")
    if "policy" not in row and isinstance(policies, list) and len(policies) == 1:
        return text({"policy": policies[0]}, "policy")
    return text(row, "policy")
