"""What holds for every built-in consumer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon import plugins
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.notifiers.audience import Audience
from doctor_daemon.notifiers.cloudevents import BODY_MAX
from doctor_daemon.notifiers.log import Log
from doctor_daemon.ports import Notifier
from tests.fakes import peer
from tests.fakes.peer import Peer
from tests.notifiers.notices import doctor, for_operators, notice, row, server, webhook

Making = Callable[[str, Path], AbstractAsyncContextManager[Notifier]]


@asynccontextmanager
async def a_webhook(url: str, folder: Path) -> AsyncIterator[Notifier]:
    audience = Audience(projects="all")
    async with webhook(url, folder, audience=audience) as made:
        yield made


@asynccontextmanager
async def a_doctor(url: str, folder: Path) -> AsyncIterator[Notifier]:
    async with doctor(url, ok_url=url, early=True) as made:
        yield made


@asynccontextmanager
async def a_log(url: str, folder: Path) -> AsyncIterator[Notifier]:
    made = Log(Log.Config(audience=Audience(projects="all")), "vnfm")
    yield made
    await made.close()


TYPES: dict[str, Making] = {"doctor": a_doctor, "log": a_log, "webhook": a_webhook}
URL = "http://127.0.0.1:9"
each = pytest.mark.parametrize("type_", TYPES)
_NO_FAULT = (NoticeKind.HELD, NoticeKind.MAINTENANCE, NoticeKind.ALARM, NoticeKind.SERVICE)
KINDS = [kind for kind in NoticeKind if kind not in _NO_FAULT]
"""Those of which there is something for every consumer."""


def test_it_is_every_built_in_consumer() -> None:
    assert plugins.names(plugins.NOTIFIERS) == tuple(sorted(TYPES))


@each
async def test_it_has_its_name_and_its_api(type_: str, tmp_path: Path) -> None:
    async with TYPES[type_](URL, tmp_path) as consumer:
        assert (consumer.name, consumer.api) == ("vnfm", 1)


@each
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_rendered_alike_each_time(
    type_: str, kind: NoticeKind, tmp_path: Path
) -> None:
    found = notice(kind=kind, outcome="moved")
    async with TYPES[type_](URL, tmp_path) as consumer:
        assert consumer.wants(found)
        assert not consumer.wants(for_operators(kind=kind, outcome="moved"))
        body = consumer.render(found, "msg_1", 3)
        assert body == consumer.render(found, "msg_1", 3) != ""
        assert body.isascii()


@each
async def test_no_notice_is_too_large(type_: str, tmp_path: Path) -> None:
    servers = tuple(server(number, "\U0001f600" * 255) for number in range(3000))
    async with TYPES[type_](URL, tmp_path) as consumer:
        body = consumer.render(notice(servers=servers, kind=NoticeKind.CONFIRMED), "msg_1", 3)
        assert len(body) <= BODY_MAX


@each
@pytest.mark.parametrize("kind", KINDS)
async def test_a_project_reads_of_no_host(type_: str, kind: NoticeKind, tmp_path: Path) -> None:
    async with TYPES[type_](URL, tmp_path) as consumer:
        told = {
            consumer.render(notice(kind=kind, outcome="moved", text=text, host=host), "msg_1", 3)
            for text in ("cmp-8 is down", "10.0.0.8 is up")
            for host in (HostId("default", "cmp-8"), HostId("default", "cmp-9"))
        }
        assert len(told) == 1


@each
async def test_a_delivery_may_be_repeated(type_: str, tmp_path: Path) -> None:
    found = notice(kind=NoticeKind.CONFIRMED)
    async with (
        Peer(peer.answering(200)) as listener,
        TYPES[type_](listener.origin, tmp_path) as consumer,
    ):
        body = consumer.render(found, "msg_1", 3)
        for _ in range(2):
            await consumer.deliver(row(body, id="msg_1", kind=found.kind))
        bodies = [request.body for request in listener.requests]
        assert (len(bodies), len(set(bodies))) == ((0, 0) if type_ == "log" else (2, 1))


@each
async def test_it_may_be_closed_twice(type_: str, tmp_path: Path) -> None:
    async with TYPES[type_](URL, tmp_path) as consumer:
        await consumer.close()
