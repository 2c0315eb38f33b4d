"""The audit in etcd: no more of it is read than is asked for, and no more dropped than is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from doctor_daemon.core.audit import ORIGIN, chained
from doctor_daemon.stores.etcd_audit import old
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import decoded
from doctor_daemon.stores.etcd_values import ordered
from tests.stores.test_etcd_audited import EVERY, Audit
from tests.stores.test_etcd_read import played
from tests.stores.values import EPOCH_S, audit_line


class Asked(Audit):
    """One that notes from which keys on it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.begins: list[str] = []

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if path == "kv/range":
            self.begins.append(decoded(body["key"]).decode())
        return await super().call(path, body)

    def spoilt(self, number: int) -> None:
        """Have somebody else write where the line of a number would be."""
        self.kept[f"/x/{ordered('a', number)}".encode()] = b"nonsense"


@pytest.mark.parametrize(("after", "begin"), [(0, 1), (1, 1), (2, 3), (4, 3), (5, 6), (9, 6)])
def test_lines_are_read_from_the_key_on_that_has_the_first_of_them(after: int, begin: int) -> None:
    async def story() -> None:
        audit = Asked()
        await audit.shown(after, 100)
        assert audit.begins == [f"/x/{ordered('a', begin)}"]

    played(story)


def test_where_the_first_line_is_gone_none_but_lines_are_read() -> None:
    async def story() -> None:
        audit = Asked()
        audit.kept[b"/x/A"] = b"somebody else's"
        del audit.kept[f"/x/{ordered('a', 1)}".encode()]
        assert await audit.shown(0, 100) == [3, 4, 5, 6, 7]
        assert audit.begins == ["/x/a/"]

    played(story)


def test_what_comes_after_the_last_line_that_is_shown_is_not_looked_at() -> None:
    async def story() -> None:
        audit = Asked()
        audit.spoilt(3)
        assert await audit.shown(0, 2) == [1, 2]
        assert await audit.shown(0, 1) == [1]
        audit = Asked()
        audit.spoilt(6)
        audit.told(mark=EVERY[4].link)
        assert await audit.shown(0, 100) == [1, 2, 3, 4, 5]

    played(story)


@pytest.mark.parametrize(("count", "upto"), [(199, 199), (200, 200), (201, 200), (402, 200)])
def test_so_many_keys_are_dropped_at_once(count: int, upto: int) -> None:
    async def story() -> None:
        audit = Audit()
        rows = tuple(chained(ORIGIN, [audit_line(number, number) for number in range(count)]))
        for row in rows:
            audit.lines((row,))
        audit.told(mark=rows[-1].link)
        assert await audit.dropped(1000) == upto

    played(story)


def test_what_cannot_be_read_stays_even_among_the_numbers_that_go() -> None:
    async def story() -> None:
        audit = Asked()
        audit.spoilt(2)  # where no key is: the second line stands with the first
        plan = await old(cast("Gateway", audit), "/x/", EPOCH_S + 100)
        assert plan is not None
        assert plan.drops == (("a/", ordered("a", 2)),)

    played(story)
