"""A whole state that is given and put into etcd is there as it was, and in as few keys as fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest

from doctor_daemon.core.audit import ORIGIN, Link, chained
from doctor_daemon.core.context import Armed
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change, Delivery, Wanted
from doctor_daemon.ports.moving import Inventory, LastNumber, Record, Told
from doctor_daemon.ports.replays import Spent
from doctor_daemon.stores.etcd_alone import Alone
from doctor_daemon.stores.etcd_daemons import Own
from doctor_daemon.stores.etcd_filling import HELD_MAX, RUN_MAX, Filling
from doctor_daemon.stores.etcd_folding import RECORDS_MAX
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_giving import Giving
from doctor_daemon.stores.etcd_json import decoded
from doctor_daemon.stores.etcd_lease import EtcdLease
from doctor_daemon.stores.etcd_questions import headings, notices
from doctor_daemon.stores.etcd_values import CLAIM, LINES, SCHEMA, Claim, unpacked
from tests.stores.movers import beside
from tests.stores.test_etcd_disk import LATER_S, Disk, commit, deliver, ended, pass_by
from tests.stores.test_etcd_read import Keys, played
from tests.stores.values import at, audit_line, closing, head_of, host, notice, opening, step

OWN = Own(Claim(5, "me"), 9, 7)


class Taking(Keys):
    """Takes what is put, as etcd does, while this one leads."""

    leads = True

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if "compare" not in body:
            return await super().call(path, body)
        if self.before:
            raise self.before.pop(0)
        if not self.leads:
            return {"responses": [{"response_range": {}}]}
        for one in body["success"]:
            if (gone := one.get("request_delete_range")) is not None:
                begin, end = decoded(gone["key"]), decoded(gone.get("range_end"))
                for key in list(self.kept):
                    if begin <= key < end if end else key == begin:
                        del self.kept[key]
            else:
                self.kept[decoded(one["request_put"]["key"])] = decoded(one["request_put"]["value"])
        return {"succeeded": True}

    def disk(self) -> Disk:
        """Return what has been put, to be read as a daemon reads it."""
        disk = Disk()
        disk.keys = {key.decode().removeprefix("/x/"): (v, 1) for key, v in self.kept.items()}
        disk.held = disk.again()
        return disk


def inventory(last: Link = ORIGIN, anchor: Link = ORIGIN) -> Inventory:
    return Inventory(0.0, 7, at(99), 0, 0, 0, anchor, last)


async def filled(records: Iterable[Record], said: Inventory | None = None) -> tuple[Taking, Disk]:
    """Put records into an etcd in which a try of before has left something."""
    taking = Taking("i/half", "l/1", "mark", "a/1", "x/half", "disarm")
    alone = Alone(cast("Gateway", taking), "/x/", OWN, cast("EtcdLease", None))
    filling = Filling(alone, said or inventory())
    await filling.begin()
    for record in records:
        await filling.take(record)
    await filling.end()
    return taking, taking.disk()


def full() -> Disk:
    """Return a state in which incidents are over, open and held back, and all else stands too."""
    disk = Disk()
    commit(disk, beside())
    ends = (("delivered", "delivered"), ("delivered", "dead"), ("pending", "delivered"))
    for number, states in enumerate(ends):
        name = f"cmp-{number}"
        ended(disk, f"over-{number}", name, 1, 2, seconds=number)
        deliver(
            disk, *(Delivery(notice(n, name).id, state, 1) for n, state in enumerate(states, 1))
        )
    begun = opening("back", "cmp-4", 1)
    commit(disk, begun)
    after = replace(head_of(begun), release=replace(head_of(begun).release, returns=1))
    commit(disk, step(head_of(begun), after))
    back = step(
        replace(after, version=2), replace(after, version=2).move(Phase.DISMISSED, at(2), "")
    )
    commit(disk, back)
    commit(disk, replace(opening("open", "cmp-5", 3), notices=(notice(1, "cmp-5", id_="open"),)))
    return disk


@pytest.mark.parametrize("pruned", [0, 1])
def test_what_is_given_and_put_in_is_there_as_it_was(pruned: int) -> None:
    async def story() -> None:
        source = full()
        if pruned:
            pass_by(source, LATER_S + 9)
            source.prune()
            assert {one.short.id for one in source.held.past.all()} == {"over-0", "back"}
        records = list(Giving(source.held).records())
        taking, there = await filled(records)
        expected = replace(source.held.contents.snapshot())
        assert there.held.contents.snapshot() == expected
        assert headings(there.held, None, 99) == headings(source.held, None, 99)
        assert await notices(there.held, Wanted(), 99) == await notices(source.held, Wanted(), 99)
        assert {one.short.id for one in there.held.past.all()} == {"over-0", "back"}
        for id_ in ("over-0", "over-1", "back", "open", "rich"):
            assert await there.find(IncidentId(id_)) == await source.find(IncidentId(id_))
        assert list(Giving(there.held).records()) == records
        assert there.held.mark.moment == at(99)
        assert taking.kept[b"/x/schema"] == str(SCHEMA).encode()
        assert CLAIM.loads(unpacked(taking.kept[b"/x/term"])) == Claim(7, "me")
        assert b"/x/disarm" in taking.kept  # whoever leads heeds it
        assert b"/x/i/half" not in taking.kept

    played(story)


def test_notices_that_were_made_one_after_another_have_one_key() -> None:
    async def story() -> None:
        told = [Told(place, notice(place, id_="none")) for place in (1, 2, 3, 5, 6)]
        _, disk = await filled([*told, LastNumber("vnfm", host(), 6)])
        assert sorted(key for key in disk.keys if key[0] == "n") == [f"n/{1:016}", f"n/{5:016}"]
        assert disk.held.mark.order == 6
        many = [Told(place, notice(place, id_="none")) for place in range(1, RECORDS_MAX + 2)]
        _, disk = await filled(many)
        assert disk.kinds()["n"] == 2

    played(story)


def large(number: int, size: int) -> Told:
    row = notice(number, id_="one")
    body = Random(number).randbytes(size // 2).hex()
    return Told(number, replace(row, state="delivered", body=body))


def test_an_incident_of_which_much_was_told_is_put_where_it_fits() -> None:
    async def story() -> None:
        over = head_of(closing(head_of(opening()), 1))
        whole = replace(over, timeline=(*opening().entries, *over.timeline[1:]))
        _, disk = await filled([whole, large(1, 1000)])
        assert disk.kinds().get("x") == 1
        _, disk = await filled([whole, *(large(number, 500_000) for number in range(1, 6))])
        assert (disk.kinds().get("x", 0), disk.kinds()["i"]) == (0, 1)
        assert len(await notices(disk.held, Wanted(), 9)) == 5
        lines = [large(number, 8 * 1024 * 1024 // 8) for number in range(1, 20)]
        assert sum(len(one.notice.body) for one in lines) > HELD_MAX > RUN_MAX
        _, disk = await filled([whole, *lines])
        assert len(await notices(disk.held, Wanted(), 99)) == len(lines)

    played(story)


def test_small_rows_of_one_kind_are_put_together() -> None:
    async def story() -> None:
        spent = [Change(spent=(Spent("a", f"{n:03}", n),)) for n in range(RECORDS_MAX + 1)]
        _, disk = await filled(spent)
        assert disk.kinds()["l"] == 2
        assert len(disk.held.contents.snapshot().spent) == RECORDS_MAX + 1
        assert disk.held.mark.order == 2

    played(story)


def test_the_audit_is_put_in_as_it_is_with_what_was_dropped_before_it() -> None:
    async def story() -> None:
        rows = list(chained(ORIGIN, [audit_line(number, number) for number in range(1, 302)]))
        said = inventory(rows[-1].link, rows[0].link)
        taking, disk = await filled(rows[1:], said)
        written = [
            LINES.loads(unpacked(disk.keys[key][0])) for key in sorted(disk.keys) if key[:2] == "a/"
        ]
        assert [row for lines in written for row in lines.rows] == rows[1:]
        assert [len(lines.rows) for lines in written] == [RECORDS_MAX, 100]
        assert written[0].until_wall_s == at(RECORDS_MAX + 1).wall_s
        assert disk.held.mark.audit == rows[-1].link
        assert b"/x/audit" in taking.kept
        taking, _ = await filled([])
        assert b"/x/audit" not in taking.kept
        assert b"/x/returns" not in taking.kept

    played(story)


def test_what_etcd_cannot_hold_or_is_not_ours_any_more_ends_it() -> None:
    async def story() -> None:
        for more in ([Change(armed=Armed(on=True))], []):  # it is put when another comes, or last
            with pytest.raises(Permanent, match=r"it cannot be kept in etcd: .* are the limit"):
                await filled([large(1, 4_000_000), *more])
        taking = Taking()
        taking.leads = False
        filling = Filling(
            Alone(cast("Gateway", taking), "/x/", OWN, cast("EtcdLease", None)), inventory()
        )
        with pytest.raises(Conflict, match="somebody else leads"):
            await filling.begin()

    played(story)
