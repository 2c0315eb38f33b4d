"""The proxy keeps what it is told to keep, and lets everything else through."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.openstack.listener import Asked, Listener, Reply
from tests.openstack.proxy import Fault, Hold, Proxy
from tests.openstack.testbed.calls import ask
from tests.openstack.testbed.processes import wait_for

PATH = "/servers/1/action"


@dataclass(frozen=True)
class Behind:
    """A service behind a proxy, and what has come to it."""

    proxy: Proxy
    came: list[str]
    statuses: list[int] = field(default_factory=list)

    def post(self, path: str = PATH) -> None:
        try:
            self.statuses.append(ask("POST", self.proxy.url + path, {}).status)
        except ConnectionError:
            self.statuses.append(0)

    @contextmanager
    def posting(self, path: str = PATH) -> Iterator[None]:
        """A request under way while the block runs; at its end it is over."""
        sender = threading.Thread(target=self.post, args=(path,))
        sender.start()
        yield
        sender.join(10)


@pytest.fixture
def behind() -> Iterator[Behind]:
    came: list[str] = []

    def answer(asked: Asked) -> Reply:
        came.append(asked.path)
        return Reply(200)

    with Listener(answer) as service:
        proxy = Proxy("127.0.0.1", service.port)
        try:
            yield Behind(proxy, came)
        finally:
            proxy.close()


@pytest.mark.parametrize(
    ("decide", "came", "status"), [(Hold.release, [PATH], 200), (Hold.drop, [], 0)]
)
def test_a_held_request_goes_on_only_when_released(
    behind: Behind, decide: Callable[[Hold], None], came: list[str], status: int
) -> None:
    held = behind.proxy.hold("POST", "/action$")
    with behind.posting():
        assert held.await_request(5).path == PATH
        assert behind.came == []
        decide(held)
    assert (behind.came, behind.statuses) == (came, [status])


@pytest.mark.parametrize(("decide", "status"), [(Hold.release, 200), (Hold.drop, 0)])
def test_a_held_answer_is_one_that_was_given(
    behind: Behind, decide: Callable[[Hold], None], status: int
) -> None:
    held = behind.proxy.hold("POST", "/action$", answered=True)
    with behind.posting():
        held.await_request(5)
        assert behind.came == [PATH]
        assert behind.proxy.passed()[0].status == 200
        assert behind.statuses == []
        decide(held)
    assert behind.statuses == [status]


def test_only_the_nth_request_that_matches_is_held(behind: Behind) -> None:
    held = behind.proxy.hold("POST", "/action$", 2)
    for path in (PATH, "/elsewhere"):
        behind.post(path)
    with behind.posting("/servers/2/action"):
        assert held.await_request(5).path == "/servers/2/action"
        behind.post("/servers/3/action")
        held.drop()
    assert behind.came == [PATH, "/elsewhere", "/servers/3/action"]
    assert behind.statuses == [200, 200, 200, 0]


def test_only_what_is_to_be_slow_is_slow(behind: Behind) -> None:
    behind.proxy.slow("POST", "/action$", 0.3)
    began = time.monotonic()
    behind.post()
    assert time.monotonic() - began >= 0.3
    with behind.posting():
        behind.post("/elsewhere")
        assert behind.statuses == [200, 200]
    assert behind.statuses == [200, 200, 200]


def test_clearing_ends_what_was_asked_for(behind: Behind) -> None:
    held = behind.proxy.hold("POST", "/action$")
    behind.proxy.hold("POST", "/action$")
    with behind.posting():
        held.await_request(5)
        behind.proxy.clear()
    behind.post()
    assert behind.statuses == [0, 200]


@pytest.mark.parametrize(
    ("fault", "came", "statuses", "known"),
    [
        (Fault(status=503), ["/after"], [503, 503, 200], [None, None, 200]),
        (Fault(loses=1), [PATH, PATH, "/after"], [0, 200, 200], [200, 200, 200]),
        (Fault(methods=("GET",), loses=1), [PATH, PATH, "/after"], [200] * 3, [200] * 3),
    ],
)
def test_a_fault_befalls_what_fits_for_as_long_as_it_lasts(
    behind: Behind, fault: Fault, came: list[str], statuses: list[int], known: list[int | None]
) -> None:
    with behind.proxy.suffering(fault):
        behind.post()
        behind.post()
    behind.post("/after")
    assert (behind.came, behind.statuses) == (came, statuses)
    assert [row.status for row in behind.proxy.passed()] == known
    assert len(fault.befell) == sum(status != 200 for status in statuses)


def test_what_is_slow_has_been_done_at_once(behind: Behind) -> None:
    with behind.proxy.suffering(Fault(pause_s=0.5)), behind.posting():
        wait_for("the service to have it", lambda: behind.came, 5)
        assert behind.statuses == []
    assert behind.statuses == [200]
