"""Nova's evacuations: how one was answered, and the records of all that were ever begun.

Source: Nova API reference, "Evacuate Server" and "List Migrations". An answer to the first means
that it was taken on and no more; only the migrations and the servers tell what became of it. Their
list says nothing of the rows of a cell that is down, so whoever must have all of them looks at the
host before and after.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from doctor_daemon.controllers.compute import Compute, RefusedError
from doctor_daemon.controllers.http import Answer, NoAnswerError
from doctor_daemon.controllers.microversions import (
    EVACUATE,
    MIGRATIONS,
    PAGED,
    TYPED,
    NotOfferedError,
)
from doctor_daemon.controllers.rows import Row, decode, optional, rows, text
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, LateError, Permanent, Temporary
from doctor_daemon.ports import Permit

PATH = "os-migrations"
KIND = "evacuation"
BODY: Mapping[str, object] = {"evacuate": {}}
"""No host: the scheduler knows better than we which one has room. From 2.29 that is certain."""
PAGE = 500
PAGES_MAX = 1_000
_ROLE = "the role of the daemon's account does not suffice to evacuate"
_SINCE_2_59 = ("limit", "changes-since")
_LASTING = frozenset({400, 403, 404, 409})
"""Nova's refusals that are about the server, the role or the request: each stays what it is. Not
406: what is offered is asked for anew after it, and another microversion may be chosen."""
_PASSING = ("still in use", "task_state")
"""But not these: the service is not seen down yet; an older Nova is still at work on the server."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the marker of the next; empty: it was the last."""

    migrations: tuple[Migration, ...]
    marker: str


# the request


async def evacuate(compute: Compute, server: str, permit: Permit) -> tuple[Outcome, str]:
    """Ask once. Raise LateError."""
    try:
        path = f"servers/{uuid.UUID(server)}/action"
        answer = await compute.post(path, BODY, EVACUATE, permit)
    except ValueError:
        return Outcome.REFUSED, f"{server!r:.60} is no id of a server"
    except NotOfferedError as error:  # no other answer will come: it is of no use to wait for one
        return Outcome.FORBIDDEN, f"it was not asked for: {error}"
    except NoAnswerError as error:
        return Outcome.UNKNOWN, str(error)
    except LateError:
        raise
    except DoctorError as error:  # no connection, or no token
        return Outcome.UNSENT, str(error)
    return judged(answer)


def judged(answer: Answer) -> tuple[Outcome, str]:
    """Judge an answer to the POST. A server error may come after the deed, a client error never."""
    words = f"Nova answered {answer.words()}"
    if answer.status == HTTPStatus.OK and not answer.body:
        return Outcome.ACCEPTED, f"Nova has accepted it ({answer.request_id()})"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:  # from before Nova, which has no limits
        return Outcome.UNSENT, words
    if answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return Outcome.UNKNOWN, words
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        if answer.status == HTTPStatus.FORBIDDEN:
            words = f"{words}: {_ROLE}"
        lasting = answer.status in _LASTING and not any(text in words for text in _PASSING)
        return (Outcome.FORBIDDEN if lasting else Outcome.REFUSED), words
    return Outcome.UNKNOWN, words


# the lists


async def whole_list(compute: Compute, filters: Mapping[str, str]) -> Sequence[Migration]:
    """List evacuations to the end, each once. Raise unless the list is whole, and of nothing else.

    Rows are never taken away while the pages are read, and new ones come before the first page.
    """
    version = await compute.version(MIGRATIONS)
    query = {"migration_type": KIND, "limit": str(PAGE), **filters}
    if version < PAGED:
        query = {name: word for name, word in query.items() if name not in _SINCE_2_59}
    # Each cell counts for itself, and no host is in two.
    found: dict[tuple[str, int], Migration] = {}
    for _ in range(PAGES_MAX):
        page = await _page(compute, query, typed=version >= TYPED)
        found |= {(one.source, one.id): one for one in page.migrations}
        if not page.marker:
            return tuple(found.values())
        query["marker"] = page.marker
    msg = f"Nova's list of migrations has no end after {PAGES_MAX} pages of {PAGE}"
    raise Permanent(msg)


async def _page(compute: Compute, query: Mapping[str, str], *, typed: bool) -> Page:
    try:
        read = partial(read_page, typed=typed)
        return (await compute.get(PATH, query, MIGRATIONS, read)).value
    except RefusedError as error:
        if error.status == HTTPStatus.BAD_REQUEST and "marker" in query:
            # What the marker names was archived between two pages, or its cell is down since.
            msg = f"Nova's list of migrations broke between two pages: {error}"
            raise Temporary(msg) from None
        raise


def read_page(body: bytes, *, typed: bool = True) -> Page:
    """Read one page. Raise Permanent when it is not as documented. Links are not followed.

    `typed`: each row says that it is of an evacuation. Before 2.23 none says what it is of, and
    the filter, which Nova has had from the beginning, is taken at its word.
    """
    document = decode(body)
    found = rows(document, "migrations")
    links = rows(document, "migrations_links") if "migrations_links" in document else ()
    more = any(link.get("rel") == "next" for link in links)
    marker = text(found[-1], "uuid") if more and found else ""
    return Page(tuple(_migration(row, typed=typed) for row in found), marker)


def only_from(host: str, migrations: Sequence[Migration]) -> Sequence[Migration]:
    """Return them. Raise Permanent when one of them is from another host."""
    for one in migrations:
        if one.source != host:
            msg = (
                f"asked for the evacuations of {host!r}, Nova also listed migration {one.id} of "
                f"{one.source!r}: it ignores the filter, or takes two names for one"
            )
            raise Permanent(msg)
    return migrations


def _migration(row: Row, *, typed: bool) -> Migration:
    number = row.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        msg = f"Nova's migration has id = {number!r:.60}, expected a number"
        raise Permanent(msg)
    if (typed or "migration_type" in row) and text(row, "migration_type") != KIND:
        msg = f"asked for evacuations, Nova also listed a {row['migration_type']!r:.60}"
        raise Permanent(msg)
    return Migration(
        id=number,
        server=text(row, "instance_uuid"),
        source=text(row, "source_compute"),  # null for a role that may not see hosts
        to=optional(row, "dest_compute"),
        status=text(row, "status"),
    )
