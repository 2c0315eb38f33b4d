"""Whether anything stands below a prefix that says something of a state.

Who puts a state in asks it with what he claims the term by. Whatever is written later is written by
whoever has claimed a later term, so his claim fails then.
"""

from __future__ import annotations

from collections.abc import Sequence

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_json import Json, coded, number, records
from doctor_daemon.stores.etcd_loading import after
from doctor_daemon.stores.etcd_values import DAEMONS, WORD

DATA = (
    *(("", DAEMONS), (after(DAEMONS), WORD), (f"{WORD}\0", "leader"), ("leader\0", "mark")),
    *(("mark\0", "schema"), ("schema\0", "term"), ("term\0", "~")),
)
"""All keys but those that say who leads, who stands by, what was said to them, and the mark."""


def asked(prefix: str) -> Sequence[Json]:
    """Return the operations that count all of it."""
    return [
        {
            "request_range": {
                "key": coded(f"{prefix}{begin}".encode()),
                "range_end": coded(f"{prefix}{end}".encode()),
                "count_only": True,
            }
        }
        for begin, end in DATA
    ]


def check_empty(answer: Json, place: int, prefix: str) -> None:
    """Raise Permanent unless these operations, from a place of the answer on, have found nothing.

    Raise it, too, for an answer that is none of them.
    """
    found = [one.get("response_range") for one in records(answer, "responses")[place:]]
    counts = [number(one, "count") for one in found if isinstance(one, dict)]
    if len(counts) != len(DATA):
        raise Permanent("etcd: the answer to a transaction is not whole")
    if any(counts):
        raise Permanent(
            f"etcd: there is state below {prefix} already: set another state.prefix, or take away"
            " what is there if nobody needs it"
        )
