"""Nova's list of migrations, which in the lab are evacuations.

Source: nova/api/openstack/compute/migrations.py and its query schemas. Contract:
tests/lab/nova_migrations.py, whose tests are named at each behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.evacuations import Evacuations
from doctor_daemon.lab.listing import MAX_LIMIT
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.rows import Migration
from doctor_daemon.lab.schema import Refusal

_MODELLED = {"source_compute", "host", "migration_type", "instance_uuid", "status"}
_MODELLED |= {"limit", "marker", "changes-since"}
_OTHERS = {"hidden"}
_OLD = {"source_compute", "host", "migration_type", "instance_uuid", "status"}
"""What is a filter from the beginning on."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations, as the API lists them."""

    evacuations: Evacuations
    root: str
    """The URL of the service, without `/v2.1`."""

    async def index(self, call: Call) -> Json:
        """List them, the newest first. A full page links to another one, which may be empty.

        Before 2.59 there are no pages: it is all of them, and what is not known is overlooked.
        Contract: NovaContract.test_migration_rows_filters_and_pages, test_a_member_is_forbidden
        and test_migrations_before_2_59.
        """
        query = dict(call.request.query)
        paged = call.version >= (2, 59)
        _check(query, paged=paged)
        if not paged:
            query = {name: word for name, word in query.items() if name in _OLD}
        call.require_admin("os_compute_api:os-migrations:index")
        limit = min(int(query.get("limit") or MAX_LIMIT), MAX_LIMIT) if paged else None
        since_s = self._since(query)
        found: list[Migration] = []
        for migration in self._newest_first(query):
            if limit is not None and len(found) >= limit:
                break
            if self._matches(migration, query, since_s):
                found.append(migration)
        answer: Json = {"migrations": [self._row(one, call.version) for one in found]}
        if found and len(found) == limit:
            follow = urlencode({**query, "marker": found[-1].uuid})
            href = f"{self.root}/v2.1/os-migrations?{follow}"
            answer["migrations_links"] = [{"rel": "next", "href": href}]
        return answer

    def _newest_first(self, query: dict[str, str]) -> Iterator[Migration]:
        """Begin behind the marker. A host at either end is asked for in the place of the source.

        Contract: NovaContract.test_wrong_migration_queries and test_migrations_at_either_end.
        """
        rows = self.evacuations.rows
        asked, either = query.get("source_compute"), query.get("host")
        if either is not None:
            rows = [row for row in rows if either.lower() in (row.source.lower(), row.dest.lower())]
        elif asked is not None:
            rows = self.evacuations.of(asked)
        marker = query.get("marker")
        if marker is None:
            return reversed(rows)
        last = self.evacuations.by_uuid.get(marker)
        if last is None:
            raise Refusal(400, f"Marker {marker} could not be found.")
        return (one for one in reversed(rows) if one.id < last.id)

    def _matches(self, migration: Migration, query: dict[str, str], since_s: float | None) -> bool:
        """Whether a row is asked for. One that was never updated is in no changes-since.

        Rows of a cell that does not answer are left out without a word, and those of a deleted
        server whatever is asked for. Contract: NovaContract.test_migration_rows_filters_and_pages
        and test_the_migrations_of_a_deleted_server_are_gone.
        """
        at_s = migration.updated_at_s
        if since_s is not None and (at_s is None or self._clock.floor(at_s) < since_s):
            return False
        return (
            query.get("migration_type") in (None, "evacuation")
            and query.get("instance_uuid") in (None, migration.server)
            and query.get("status") in (None, migration.status)
            and not self.evacuations.world.hosts[migration.source].cell_down
            and not self.evacuations.gone(migration)
        )

    @property
    def _clock(self) -> Clock:
        return self.evacuations.world.clock

    def _since(self, query: dict[str, str]) -> float | None:
        """Raises Refusal (400). Contract: NovaContract.test_wrong_migration_queries."""
        word = query.get("changes-since")
        if word is None:
            return None
        try:
            return self._clock.read(word)
        except ValueError as error:
            raise _wrong("changes-since", word, f"{word!r} is not a 'date-time'") from error

    def _row(self, migration: Migration, version: Version) -> Json:
        updated_s = migration.updated_at_s
        row: Json = {
            "id": migration.id,
            "uuid": migration.uuid,
            "instance_uuid": migration.server,
            "migration_type": "evacuation",
            "status": migration.status,
            "source_compute": migration.source,
            "source_node": migration.source,
            "dest_compute": migration.dest or None,
            "dest_node": migration.dest or None,
            "dest_host": "127.0.0.1" if migration.dest else None,
            "old_instance_type_id": None,
            "new_instance_type_id": None,
            "created_at": self._clock.second(migration.created_at_s),
            "updated_at": None if updated_s is None else self._clock.second(updated_s),
        }
        if version < (2, 59):
            del row["uuid"]
        if version < (2, 23):
            del row["migration_type"]
        return row


def _check(query: dict[str, str], *, paged: bool) -> None:
    """Raises Refusal (400) for a wrong query, (501) for a filter that is not modelled."""
    if paged and (extra := sorted(query.keys() - _MODELLED - _OTHERS)):
        names = ", ".join(map(repr, extra))
        raise Refusal(400, f"Additional properties are not allowed ({names} was unexpected)")
    if others := sorted(query.keys() & _OTHERS):
        raise Refusal(501, f"the lab does not model the filter {others[0]!r}")
    limit = query.get("limit", "0") if paged else "0"
    if not re.fullmatch("[0-9]*", limit):
        raise _wrong("limit", limit, f"{limit!r} does not match '^[0-9]*$'")


def _wrong(name: str, word: str, why: str) -> Refusal:
    return Refusal(400, f"Invalid input for query parameters {name}. Value: {word}. {why}")
