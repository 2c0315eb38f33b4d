"""Lines of the audit that are moved to SQLite: each is known again, one that stands twice too."""

from __future__ import annotations

from pathlib import Path

from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.contracts.store_audit import checked
from tests.stores.movers import Place, exported, imported, of_etcd, of_sqlite
from tests.stores.test_moving import opened
from tests.stores.values import audit_line

FIRST, SECOND, THIRD = (audit_line(number) for number in range(1, 4))


async def said(place: Place, *changes: Change) -> None:
    """Commit each change by a daemon of its own."""
    for change in changes:
        async with opened(place) as [(store, term)]:
            await store.commit(change, term=term)


async def test_i17_a_line_that_was_moved_and_is_saved_once_more_stands_there_once(
    tmp_path: Path,
) -> None:
    source = of_sqlite(tmp_path / "state.sqlite3")
    await said(source, Change(audit=(FIRST, SECOND)))
    there = of_sqlite(tmp_path / "there" / "state.sqlite3")
    await imported(there, await exported(source, tmp_path / "file"))
    await said(there, Change(audit=(SECOND, THIRD)))
    async with opened(there) as [(store, _)]:
        page = await store.audit(0, 10)
    checked(page)
    assert [row.number for row in page.rows] == [1, 2, 3]


async def test_i17_a_line_that_stands_twice_is_moved_as_it_is(
    tmp_path: Path, config: EtcdConfig
) -> None:
    """Whoever follows the audit there finds that it is so: it is not for a move to mend that."""
    source, there = of_etcd(config), of_sqlite(tmp_path / "state.sqlite3")
    await said(source, Change(audit=(FIRST, SECOND)), Change(audit=(SECOND,)))
    await imported(there, await exported(source, tmp_path / "file"))
    async with opened(source, there) as [(one, _), (other, _)]:
        pages = [await store.audit(0, 10) for store in (one, other)]
    assert pages[0] == pages[1]
    assert [row.number for row in pages[1].rows] == [1, 2, 3]
