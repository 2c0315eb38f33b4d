"""What a real Nova says over its RabbitMQ, and what is made of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from doctor_daemon.core.hints import Hint
from doctor_daemon.inspectors.amqp import Subscription
from doctor_daemon.inspectors.nova_messages import Written, read_message
from doctor_daemon.inspectors.rabbitmq import Broker
from tests.inspectors.looking import configured, secret
from tests.openstack.daemon import Daemon, daemon_config, running
from tests.openstack.estate import Estate
from tests.openstack.evacuations import change, places
from tests.openstack.testbed.calls import ask
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.site import PASSWORD

HOST, OTHER = "compute-1", "compute-2"
RECORD = "notifications.json"
"""Whatever was heard is kept under this name in the folder of the run."""


class Heard:
    """Everything that Nova has sent since somebody listened."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.ready = threading.Event()

    @property
    def hints(self) -> list[Hint]:
        read = [read_message(body) for body in list(self.bodies)]
        return [one for one in read if isinstance(one, Hint)]

    @property
    def written(self) -> set[str]:
        read = [read_message(body) for body in list(self.bodies)]
        return {one.host for one in read if isinstance(one, Written)}

    def newest(self, server: str) -> Hint | None:
        found = [hint for hint in self.hints if hint.server.id == server]
        return max(found, key=lambda hint: (hint.changed_s, hint.sent_s), default=None)

    def status(self, server: str) -> str:
        """How the newest hint has a server."""
        newest = self.newest(server)
        return newest.server.status if newest else ""

    def place(self, server: str) -> str | None:
        """Where the newest hint has a server; None: there is none."""
        newest = self.newest(server)
        return None if newest is None else newest.host


@contextmanager
def hearing(broker: Broker) -> Iterator[Heard]:
    """Listen in a thread, as the source does."""
    heard, end = Heard(), asyncio.Event()

    async def listen(loop: list[asyncio.AbstractEventLoop]) -> None:
        loop.append(asyncio.get_running_loop())
        work = asyncio.create_task(
            Subscription(broker, heard.bodies.append, heard.ready.set).listen()
        )
        await end.wait()
        work.cancel()
        await asyncio.wait((work,))

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: asyncio.run(listen(loops)))
    thread.start()
    try:
        assert heard.ready.wait(30)
        yield heard
    finally:
        loops[0].call_soon_threadsafe(end.set)
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def kept(estate: Estate, broker: Broker) -> Iterator[Heard]:
    """Listen, and write down what was heard."""
    with hearing(broker) as heard:
        try:
            yield heard
        finally:
            bodies = [json.loads(body) for body in heard.bodies]
            (estate.site.run / RECORD).write_text(json.dumps(bodies, indent=1))


def options(estate: Estate) -> dict[str, object]:
    password = Path(estate.site.run) / "rabbit-password"
    secret(password, PASSWORD)
    return {
        "addresses": [f"127.0.0.1:{estate.site.port('amqp')}"],
        "username": "testbed",
        "password_file": str(password),
        "tls": False,
    }


def taken(daemon: Daemon, outcome: str) -> float:
    text = ask("GET", daemon.estate.site.url("metrics", "/metrics")).text
    label = f'doctor_notifications_total{{outcome="{outcome}"'
    rows = (line.rpartition(" ") for line in text.splitlines())
    return sum(float(value) for series, _, value in rows if series.startswith(label))


def heard_of(what: str, true: Callable[[], object]) -> None:
    wait_for(f"a notification of {what}", true, 30)


def test_nova_tells_where_its_servers_are_before_a_list_does(estate: Estate) -> None:
    broker = configured(Broker, Path(), **options(estate))
    source = {"type": "nova_notifications", "name": "novas", **options(estate)}
    sources = [*daemon_config(estate, Path(), {})["sources"], source]
    with kept(estate, broker) as heard, running(estate, more={"sources": sources}) as daemon:
        (server,) = estate.boot(HOST, 1)
        heard_of("its place", lambda: heard.place(server) == HOST)
        change(estate, server, "os-stop", "SHUTOFF")
        heard_of("its stop", lambda: heard.status(server) == "SHUTOFF")
        change(estate, server, "os-start", "ACTIVE")
        (other,) = estate.boot(OTHER, 1)
        estate.admin.mark(estate.services[OTHER], status="disabled", disabled_reason="a test")
        heard_of("the service", lambda: OTHER in heard.written)
        estate.admin.compute("DELETE", f"/servers/{other}", expect=204)
        heard_of("its deletion", lambda: heard.place(other) == "")
        estate.bmcs[HOST].turn("Off")
        estate.admin.mark(estate.services[HOST], forced_down=True)
        body: dict[str, object] = {"evacuate": {}}
        estate.admin.compute("POST", f"/servers/{server}/action", body, version="2.94")
        wait_for("the evacuation", lambda: places(estate)[server].host != HOST, 60)
        there = places(estate)[server].host
        # The last notification of an evacuation is sent before Nova writes the new host down. So
        # the place is told by the next list, or by the next that Nova says of the server.
        wait_for("its status", lambda: places(estate)[server].status == "ACTIVE", 30)
        assert heard.place(server) == HOST
        change(estate, server, "os-stop", "SHUTOFF")
        heard_of("its new place", lambda: heard.place(server) == there)
        wait_for("the daemon to have heard", lambda: taken(daemon, "taken"), 30)
        assert taken(daemon, "refused") == 0
        assert taken(daemon, "service") > 0
    tenant = {hint.server.project for hint in heard.hints}
    assert len(tenant) == 1
    assert {hint.server.name for hint in heard.hints} == {"tiny"}
