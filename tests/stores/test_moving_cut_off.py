"""An import that did not come to its end leaves a store that no daemon takes for whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.house.source import ROOT
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_leases import lapse
from tests.stores.movers import (
    CutOff,
    Place,
    exported,
    imported,
    of_etcd,
    of_sqlite,
    read,
    walked,
)
from tests.stores.test_etcd import keys, opened, put
from tests.stores.test_etcd_leading import standing_by
from tests.stores.test_moving import opened as all_opened
from tests.stores.values import opening

NOT_WHOLE = "not whole: give `doctor-daemon store import` once more"
LEASE_S = 5


@pytest.fixture(params=["sqlite", "etcd"])
def there(request: pytest.FixtureRequest, tmp_path: Path, config: EtcdConfig) -> Place:
    """Return a place of each kind, where nothing is."""
    if request.param == "sqlite":
        return of_sqlite(tmp_path / "there" / "state.sqlite3")
    return of_etcd(config.model_copy(update={"lease_s": LEASE_S}))


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """Return a file in which everything stands."""
    source = of_sqlite(tmp_path / "source.sqlite3")
    async with all_opened(source) as [(store, term)]:
        await walked(store, term, 3)
    return await exported(source, tmp_path / "file")


async def refused(place: Place) -> None:
    """See that no daemon opens it, and nothing is taken from it."""
    store = place.store()
    with pytest.raises(Permanent, match=NOT_WHOLE):
        await store.open()
    await store.close()
    with pytest.raises(Permanent, match=NOT_WHOLE):
        async with place.moving.given():
            pass


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
async def test_i6_what_was_cut_off_is_refused_until_it_is_done_anew(
    there: Place, file: Path, tmp_path: Path, share: float
) -> None:
    most = int(share * (len(read(file)[1]) - 1))
    with pytest.raises(CutOff):
        await imported(there, file, most)
    await refused(there)
    with pytest.raises(CutOff):
        await imported(there, file, most // 2)
    await refused(there)
    await imported(there, file)
    await exported(there, tmp_path / "again")
    assert read(tmp_path / "again")[1] == read(file)[1]
    async with all_opened(there) as [(store, term)]:
        assert term > read(file)[0].term
        await store.commit(Change(), term=term)


def importing(kind: str, where: str, file: Path, records: int) -> subprocess.Popen[str]:
    """Import in a process of its own, which stops after so many records and waits."""
    words = ("-m", "tests.stores.importer", kind, where, str(file), str(records))
    return subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def killed(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "it waits\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()


async def test_i6_what_was_killed_in_sqlite_is_refused(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "there" / "state.sqlite3"
    killed(importing("sqlite", str(path), file, len(read(file)[1]) - 1))
    await refused(of_sqlite(path))
    await imported(of_sqlite(path), file)
    await exported(of_sqlite(path), tmp_path / "again")
    assert read(tmp_path / "again")[1] == read(file)[1]


async def test_i6_what_was_killed_in_etcd_is_refused_once_its_lease_has_run_out(
    file: Path, tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    where = f"{etcd.urls[0]} {config.prefix}"
    killed(importing("etcd", where, file, len(read(file)[1]) - 1))
    with pytest.raises(Conflict, match="leads: stop every daemon"):
        await imported(of_etcd(config), file)
    lapse(etcd, config.prefix)
    await refused(of_etcd(config))
    await imported(of_etcd(config), file)
    await exported(of_etcd(config), tmp_path / "again")
    assert read(tmp_path / "again")[1] == read(file)[1]


async def test_i6_what_was_killed_as_soon_as_it_led_is_refused_too(
    file: Path, tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    """Nothing is there, and yet a daemon that began there would begin with an empty memory."""
    killed(importing("etcd", f"{etcd.urls[0]} {config.prefix}", file, -1))
    assert sum(keys(etcd, config, kind) for kind in "inelax") == 0
    lapse(etcd, config.prefix)
    await refused(of_etcd(config))
    await imported(of_etcd(config), file)
    await exported(of_etcd(config), tmp_path / "again")
    assert read(tmp_path / "again")[1] == read(file)[1]


async def test_a_store_that_holds_something_is_left_as_it_is(
    there: Place, file: Path, tmp_path: Path
) -> None:
    async with all_opened(there) as [(store, term)]:
        await store.commit(opening(), term=term)
        before = await store.load()
    with pytest.raises(Permanent, match="there is state"):
        await imported(there, file)
    async with all_opened(there) as [(store, _)]:
        assert await store.load() == before


async def test_a_store_that_was_opened_alone_holds_nothing(there: Place, file: Path) -> None:
    for _ in range(3):
        async with all_opened(there):
            pass
    await imported(there, file)
    async with all_opened(there) as [(_, term)]:
        assert term > 3


async def test_i6_nothing_is_moved_while_a_daemon_leads(file: Path, config: EtcdConfig) -> None:
    place = of_etcd(config)
    named = config.model_copy(update={"name": "ctl-1"})
    async with opened(named) as (leader, term):
        await leader.commit(opening(), term=term)
        for attempt in (imported(place, file), exported(place, file.with_name("other"))):
            with pytest.raises(Conflict, match="ctl-1 leads: stop every daemon"):
                await attempt
        await leader.leadership.confirm()
        await leader.commit(Change(), term=term)
    assert not file.with_name("other").exists()


async def test_i6_nothing_is_moved_while_a_daemon_stands_by(
    file: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    """The one that led was stopped, and the other has not looked yet."""
    place = of_etcd(config)
    other = put_daemon(etcd, config)
    for attempt in (imported(place, file), exported(place, file.with_name("other"))):
        with pytest.raises(Conflict, match="ctl-2 stands by"):
            await attempt
    assert not keys(etcd, config, "schema") + keys(etcd, config, "term")  # it was not touched
    call(etcd.members[0].port, "lease/revoke", {"ID": other})
    await imported(place, file)


def put_daemon(etcd: Cluster, config: EtcdConfig) -> str:
    """Leave what a daemon leaves that stands by; return its lease."""
    lease = call(etcd.members[0].port, "lease/grant", {"TTL": "60"})["ID"]
    value = '{"value":{"name":"ctl-2","started_wall_s":1.0,"ready":true},"boots":[]}'
    told = {"key": code(f"{config.prefix}daemons/two"), "value": code(value), "lease": lease}
    call(etcd.members[0].port, "kv/put", told)
    return str(lease)


async def test_i6_a_daemon_that_begins_meanwhile_waits_and_then_leads(config: EtcdConfig) -> None:
    async with AsyncExitStack() as moving:
        _, records = await moving.enter_async_context(of_etcd(config).moving.given())
        async with standing_by(config) as (store, begun):
            assert [record async for record in records]
            assert not begun.done()
            await moving.aclose()
            assert await begun == 2
            await store.leadership.confirm()


async def test_a_newer_schema_is_neither_given_nor_filled(
    file: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config):
        pass
    put(etcd, f"{config.prefix}schema", "3")
    for attempt in (imported(of_etcd(config), file), exported(of_etcd(config), file)):
        with pytest.raises(Conflict, match="a newer version"):
            await attempt
    found = call(etcd.members[0].port, "kv/range", {"key": code(f"{config.prefix}schema")})
    assert found["kvs"][0]["value"] == code("3")
