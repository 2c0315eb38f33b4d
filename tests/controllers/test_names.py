"""Names: as the system resolves them, and where they led last while it cannot."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.abc import ResolveResult
from structlog.testing import capture_logs

from doctor_daemon.controllers.http import tls_context
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.ports.names import (
    ANSWERED_S,
    KEPT_S,
    LATE_S,
    LEADS_S,
    NAMES_MAX,
    Memory,
    Names,
    leads,
    shows,
)
from tests.simulation.virtual import run

V4 = socket.AF_INET
NAME = "bmc.example.org"


def leading_to(address: str, host: str = NAME) -> ResolveResult:
    return ResolveResult(hostname=host, host=address, port=0, family=V4, proto=6, flags=0)


class System:
    """A resolver that a test breaks."""

    def __init__(self) -> None:
        self.address = "127.0.0.1"
        self.error: OSError | None = None
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked: Counter[str] = Counter()
        self.takes_s = 0.0
        self.now_s = 0.0
        self.memory = Memory(self.lookup, lambda: self.now_s)

    async def lookup(self, host: str, family: socket.AddressFamily) -> list[ResolveResult]:
        self.asked[host] += 1
        await self.answers.wait()
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return [leading_to(self.address, host)]

    async def address_of(self, host: str = NAME, *, shown: bool = True) -> str:
        (found,) = await self.memory.resolve(host, V4, shown=shown)
        return str(found["host"])


async def test_a_name_leads_where_the_system_says_each_time() -> None:
    system = System()
    assert await system.address_of() == "127.0.0.1"
    system.address = "127.0.0.2"
    assert await system.address_of() == "127.0.0.2"


async def test_a2_a_name_that_cannot_be_resolved_leads_where_it_led() -> None:
    system = System()
    await system.address_of()
    system.error = socket.gaierror(socket.EAI_AGAIN, "no")
    assert await system.address_of() == "127.0.0.1"
    system.error, system.address = None, "127.0.0.2"
    assert await system.address_of() == "127.0.0.2"


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_NODATA])
async def test_e4_a_name_that_there_is_no_more_leads_nowhere(code: int) -> None:
    system = System()
    await system.address_of()
    system.error = socket.gaierror(code, "no such name")
    for error in (system.error, socket.gaierror(socket.EAI_AGAIN, "no")):
        system.error = error
        with pytest.raises(socket.gaierror):
            await system.address_of()


async def test_e4_who_does_not_show_who_it_is_is_not_looked_for_where_it_was() -> None:
    system = System()
    await system.address_of(shown=False)
    system.error = socket.gaierror(socket.EAI_AGAIN, "no")
    with pytest.raises(socket.gaierror):
        await system.address_of(shown=False)
    assert await system.address_of() == "127.0.0.1", "by verified TLS it is"


@pytest.mark.parametrize(
    ("url", "verify", "shown"),
    [
        ("https://bmc.example.org", True, True),
        ("HTTPS://bmc.example.org", True, True),
        ("http://bmc.example.org", True, False),
        ("https://bmc.example.org", False, False),
    ],
)
async def test_e4_only_by_verified_tls_somebody_shows_who_it_is(
    url: str, *, verify: bool, shown: bool
) -> None:
    endpoint = Endpoint(url=url, i_accept_plain_http=True)
    assert shows(tls_context("", "", "", verify=verify), url) is shown
    async with endpoint.session(endpoint.tls(verify=verify)) as session:
        resolver = getattr(session.connector, "_resolver")  # noqa: B009 - aiohttp's own
        assert isinstance(resolver, Names)
        assert resolver.shown is shown


def test_e4_a_certificate_that_may_be_anybodys_shows_nothing() -> None:
    tls = tls_context("", "", "", verify=True)
    tls.check_hostname = False
    assert not shows(tls, f"https://{NAME}")


def test_e4_a_name_server_that_is_slow_is_believed() -> None:
    system = System()

    async def main() -> None:
        await system.address_of()
        system.address, system.takes_s = "127.0.0.2", LATE_S - 0.5
        assert await system.address_of() == "127.0.0.2"
        system.address, system.takes_s = "127.0.0.3", LATE_S + 0.5
        assert await system.address_of() == "127.0.0.2"
        await asyncio.sleep(1)
        assert await system.address_of() == "127.0.0.3", "what it has said since is known"

    run(main())


def test_a2_a_name_server_that_is_silent_is_waited_for_once() -> None:
    system = System()

    async def main() -> None:
        await system.address_of()
        system.answers.clear()
        began_s = asyncio.get_running_loop().time()
        assert [await system.address_of() for _ in range(3)] == ["127.0.0.1"] * 3
        assert asyncio.get_running_loop().time() - began_s <= LATE_S + 1.0
        assert system.asked[NAME] == 2  # once before, and one that all three have waited for
        with pytest.raises(socket.gaierror, match="no name server has answered within 30 s"):
            await system.address_of("another")
        assert asyncio.get_running_loop().time() - began_s > ANSWERED_S
        system.address = "127.0.0.2"
        system.answers.set()
        assert await system.address_of() == "127.0.0.2"

    run(main())


async def test_it_is_told_once_that_a_name_cannot_be_resolved() -> None:
    system = System()
    with capture_logs() as told:
        await system.address_of()
        system.error = socket.gaierror(socket.EAI_AGAIN, "no")
        for _ in range(3):
            await system.address_of()
        system.error = None
        for _ in range(3):
            await system.address_of()
    assert [one["event"] for one in told] == [
        "a name cannot be resolved: by verified TLS it leads where it led",
        "a name can be resolved again",
    ]
    assert (told[0]["name"], told[0]["to"]) == (NAME, ["127.0.0.1"])


async def test_a_name_that_was_never_resolved_leads_nowhere() -> None:
    system = System()
    system.error = socket.gaierror(socket.EAI_AGAIN, "no")
    with pytest.raises(socket.gaierror):
        await system.address_of()
    system.answers.clear()
    waiting = asyncio.create_task(system.address_of())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    system.error = None
    system.answers.set()
    assert await system.address_of() == "127.0.0.1"


async def test_where_a_name_led_is_forgotten_in_the_end() -> None:
    system = System()
    await system.address_of()
    system.error = socket.gaierror(socket.EAI_AGAIN, "no")
    system.now_s = KEPT_S
    assert await system.address_of() == "127.0.0.1"
    system.now_s += 1
    with pytest.raises(socket.gaierror):
        await system.address_of()


async def test_i20_so_many_names_are_remembered() -> None:
    system = System()
    for number in range(NAMES_MAX + 1):
        await system.address_of(f"bmc-{number}")
    system.error = socket.gaierror(socket.EAI_AGAIN, "no")
    assert await system.address_of(f"bmc-{NAMES_MAX}") == "127.0.0.1"
    with pytest.raises(socket.gaierror):
        await system.address_of("bmc-0")


async def test_a_connection_is_made_by_it() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    system = System()
    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        for error in (None, socket.gaierror(socket.EAI_AGAIN, "no")):
            system.error = error
            connector = TCPConnector(resolver=Names(system.memory, shown=True))
            async with (
                ClientSession(connector=connector) as session,
                session.get(f"http://{NAME}:{port}/") as found,
            ):
                assert await found.text() == "here"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("takes_s", "error", "expected"),
    [
        (0.0, None, True),
        (LATE_S + 0.5, None, True),  # the first of two name servers is gone
        (LEADS_S + 1, None, False),
        (0.0, socket.gaierror(socket.EAI_NONAME, "no such name"), False),
        (0.0, socket.gaierror(socket.EAI_AGAIN, "SERVFAIL"), False),
    ],
)
def test_a2_a_name_leads_somewhere_if_the_system_says_so_in_time(
    takes_s: float, error: OSError | None, *, expected: bool
) -> None:
    told = []

    async def main() -> None:
        system = System()
        system.takes_s, system.error = takes_s, error
        told.append(await leads(NAME, shown=False, memory=system.memory))

    assert run(main()) <= LEADS_S
    assert told == [expected]


async def test_a2_where_it_led_is_enough_for_who_shows_who_he_is() -> None:
    system = System()
    await system.memory.resolve(NAME, socket.AF_UNSPEC)
    system.error = socket.gaierror(socket.EAI_AGAIN, "SERVFAIL")
    assert await leads(NAME, shown=True, memory=system.memory)
    assert not await leads(NAME, shown=False, memory=system.memory)


@pytest.mark.parametrize("place", ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"])
async def test_an_address_is_not_asked_about(place: str) -> None:
    system = System()
    assert await leads(place, shown=False, memory=system.memory)
    assert not system.asked
