"""Who asks where names lead: threads of their own, and few."""

from __future__ import annotations

import asyncio
import socket
from threading import Event, Semaphore

import pytest
from aiohttp.abc import ResolveResult

from doctor_daemon.ports.lookups import THREADS_MAX, WAITING_MAX, Lookups, ask

V4 = socket.AF_INET


class Dead:
    """A system whose name servers are gone: it answers when it is let go."""

    def __init__(self) -> None:
        self.gone = Event()
        self.asked: list[str] = []
        self.came = Semaphore(0)

    def __call__(self, host: str, family: socket.AddressFamily) -> list[ResolveResult]:
        self.asked.append(host)
        self.came.release()
        self.gone.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "no")


def begun(lookups: Lookups, count: int) -> list[asyncio.Task[list[ResolveResult]]]:
    return [asyncio.create_task(lookups.find(f"bmc-{n}", V4)) for n in range(count)]


async def asked(dead: Dead, count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(dead.came.acquire, timeout=30)


async def test_e5_dead_name_servers_keep_no_other_work_from_its_threads() -> None:
    dead = Dead()
    tasks = begun(Lookups(dead), 100)
    await asked(dead, THREADS_MAX)
    async with asyncio.timeout(30):
        assert await asyncio.to_thread(str, 1) == "1"
    assert len(dead.asked) == THREADS_MAX, "nobody has been answered yet"
    dead.gone.set()
    assert all(isinstance(e, OSError) for e in await asyncio.gather(*tasks, return_exceptions=True))
    assert len(dead.asked) == len(tasks)


def test_e5_the_end_waits_for_no_dead_name_server() -> None:
    dead = Dead()

    async def main() -> None:
        begun(Lookups(dead), 2)
        await asked(dead, 2)

    asyncio.run(main())
    assert not dead.gone.is_set(), "they hang on, and nobody with them"
    dead.gone.set()


async def test_who_is_not_waited_for_any_more_is_not_asked_about() -> None:
    dead = Dead()
    lookups = Lookups(dead, threads=1)
    first, given_up, last = begun(lookups, 3)
    await asked(dead, 1)
    given_up.cancel()
    await asyncio.wait((given_up,))
    dead.gone.set()
    await asyncio.gather(first, last, return_exceptions=True)
    assert dead.asked == ["bmc-0", "bmc-2"]


async def test_i20_no_more_names_wait_than_there_is_room_for() -> None:
    dead = Dead()
    tasks = begun(lookups := Lookups(dead, threads=1), 1)
    await asked(dead, 1)
    tasks += begun(lookups, WAITING_MAX)
    await asyncio.sleep(0)
    with pytest.raises(socket.gaierror, match="too many names"):
        await lookups.find("one-more", V4)
    for task in tasks:
        task.cancel()
    dead.gone.set()
    await asyncio.wait(tasks)


async def test_the_system_is_asked() -> None:
    found = await Lookups().find("localhost", V4)
    assert {(one["hostname"], one["host"], one["port"]) for one in found} == {
        ("localhost", "127.0.0.1", 0)
    }
    with pytest.raises(socket.gaierror):
        ask("::1", V4)
