"""A12, E6: which endpoint of etcd is asked, how long, with which token, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Self, cast

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.ports import SecretFile
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_meaning import Compacted, Unanswered
from tests.simulation.virtual import run

USER = "doctor"
WELL = {"header": {"cluster_id": "1"}}
OTHER = {"header": {"cluster_id": "2"}}
EXPIRED = {"code": 16, "message": "invalid auth token"}
REFUSED = {"code": 7, "message": "permission denied"}
BUSY = {"code": 14, "message": "no leader"}
LATE = {"code": 11, "message": "compacted"}
NOBODY, HANGS = OSError("nobody is there"), "hangs"
Answer = Mapping[str, Any] | OSError | str


class Response:
    """What one endpoint answers; it is its own content, too."""

    def __init__(self, answer: Answer) -> None:
        self.status = 400 if isinstance(answer, Mapping) and "code" in answer else 200
        self.content = self
        self._answer = answer
        self._left = [f"{json.dumps(answer, default=str)}\n".encode()]
        self.closed = False

    async def __aenter__(self) -> Self:
        if isinstance(self._answer, OSError):
            raise self._answer
        if self._answer == HANGS:
            await asyncio.Event().wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._left[0]

    async def readany(self) -> bytes:
        return self._left.pop() if self._left else b""

    def close(self) -> None:
        self.closed = True


class Peer:
    """One endpoint, which answers in turn; the last answer comes again."""

    def __init__(self, name: str, *answers: Answer, timeout_s: float = 1.0) -> None:
        self.url, self.timeout_s = f"http://{name}", timeout_s
        self.answers = [*answers] or [WELL]
        self.asked: list[tuple[str, str]] = []
        """Paths, and the tokens that were shown."""
        self.sessions = 0
        self.tokens = 0
        self.login: Answer | None = None
        """What becomes of whoever logs in; none: he is given a token."""
        self.responses: list[Response] = []

    def session(self, _: object) -> Self:
        self.sessions += 1
        return self

    def post(self, url: str, *, headers: Mapping[str, str], **_: object) -> Response:
        path = url.removeprefix(f"{self.url}/v3/")
        self.asked.append((path, headers.get("Authorization", "")))
        if path == "auth/authenticate":
            self.tokens += 1
            return Response(self.login or {**WELL, "token": f"the token number {self.tokens}"})
        answer = self.answers[0]
        del self.answers[: len(self.answers) > 1]
        self.responses.append(Response(answer))
        return self.responses[-1]

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def close(self) -> None:
        return


def before(*peers: Peer, password: SecretFile | None = None, user: str = "") -> Gateway:
    endpoints = [cast("Endpoint", peer) for peer in peers]
    tls = cast("ssl.SSLContext", None)
    return Gateway(endpoints, tls, username=user or (USER if password else ""), password=password)


def played(story: Callable[[], Awaitable[None]]) -> float:
    async def main() -> None:
        async with asyncio.timeout(1000):
            await story()

    return run(main())


@pytest.fixture
def password(tmp_path: Path) -> SecretFile:
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    path.chmod(0o600)
    return SecretFile(path)


def test_whoever_answered_is_asked_again_and_whoever_did_not_is_asked_last() -> None:
    async def story() -> None:
        one, two, three = Peer("one", NOBODY), Peer("two", BUSY, WELL), Peer("three")
        gateway = before(one, two, three)
        for _ in range(3):
            assert await gateway.call("kv/range", {}) == WELL
        assert [len(peer.asked) for peer in (one, two, three)] == [1, 1, 3]
        assert [peer.sessions for peer in (one, two, three)] == [1, 1, 1]
        three.answers = [NOBODY]
        assert await gateway.call("kv/range", {}) == WELL  # the second one, after the first
        assert [len(peer.asked) for peer in (one, two, three)] == [2, 2, 4]

    played(story)


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        ((BUSY, BUSY), True),
        ((EXPIRED, EXPIRED), False),
        ((EXPIRED, BUSY), True),
        ((BUSY, EXPIRED), True),
    ],
)
def test_c5_it_may_have_been_done_where_one_of_them_has_heard_of_it(
    password: SecretFile, answers: tuple[Answer, Answer], *, sent: bool
) -> None:
    async def story() -> None:
        gateway = before(Peer("one", answers[0]), Peer("two", answers[1]), password=password)
        with pytest.raises(Unanswered) as failed:
            await gateway.call("kv/txn", {})
        assert failed.value.sent is sent
        assert str(failed.value) == gateway.failure
        assert "http://one: " in gateway.failure
        assert "http://two: " in gateway.failure

    played(story)


def test_b11_a_refusal_counts_where_all_refuse_and_is_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        one, two = Peer("one", REFUSED), Peer("two", BUSY, BUSY, REFUSED, WELL, REFUSED)
        gateway = before(one, two)
        for _ in range(2):
            with pytest.raises(Unanswered):
                await gateway.call("kv/txn", {})
        with pytest.raises(Permanent, match="permission denied"):
            await gateway.call("kv/txn", {})
        assert await gateway.call("kv/txn", {}) == WELL
        with pytest.raises(Permanent, match="permission denied"):
            await gateway.call("kv/txn", {})

    played(story)
    said = [line for line in capsys.readouterr().out.splitlines() if "refuses" in line]
    assert ["http://one" in line for line in said] == [True, False, False]


@pytest.mark.parametrize(("within_s", "takes_s"), [(None, 6.0), (1.0, 1.0), (20.0, 6.0)])
def test_a12_each_endpoint_has_its_own_time_and_its_share_of_all(
    within_s: float | None, takes_s: float
) -> None:
    async def story() -> None:
        gateway = before(Peer("one", HANGS, timeout_s=3.0), Peer("two", HANGS, timeout_s=3.0))
        with pytest.raises(Unanswered, match="no answer within") as failed:
            await gateway.call("kv/txn", {}, within_s=within_s)
        assert failed.value.sent

    assert played(story) == pytest.approx(takes_s)


def test_e6_a_token_is_had_once_and_anew_when_it_counts_no_more(password: SecretFile) -> None:
    async def story() -> None:
        peer = Peer("one", WELL, WELL, EXPIRED, WELL)
        gateway = before(peer, password=password)
        for _ in range(3):
            assert await gateway.call("kv/range", {}) == WELL
        shown = [token for path, token in peer.asked if path == "kv/range"]
        assert [token[-1] for token in shown] == ["1", "1", "1", "2"]
        peer.answers = [EXPIRED]
        with pytest.raises(Unanswered, match="takes no token, not even a new one") as failed:
            await gateway.call("kv/range", {})
        assert not failed.value.sent
        assert peer.paths.count("auth/authenticate") == 3

    played(story)


def test_e6_without_a_user_no_token_is_shown_and_whoever_asks_for_one_refuses() -> None:
    async def story() -> None:
        peer = Peer("one", WELL, EXPIRED)
        gateway = before(peer)
        await gateway.call("kv/range", {})
        with pytest.raises(Permanent, match="refuses whoever shows no user"):
            await gateway.call("kv/range", {})
        assert peer.asked == [("kv/range", "")] * 2
        with pytest.raises(Permanent, match="a username is configured, and no password_file"):
            await before(peer, user=USER).call("kv/range", {})

    played(story)


def test_b18_a_login_that_is_refused_ends_it_at_first_and_is_tried_again_later(
    password: SecretFile,
) -> None:
    async def story() -> None:
        peer = Peer("one", WELL, EXPIRED, WELL)
        gateway = before(peer, password=password)
        peer.login = REFUSED
        with pytest.raises(Permanent, match="permission denied"):
            await gateway.call("kv/range", {})
        peer.login = None
        await gateway.call("kv/range", {})
        peer.login = REFUSED
        with pytest.raises(Unanswered, match="permission denied") as failed:
            await gateway.call("kv/range", {})
        assert not failed.value.sent
        peer.login = EXPIRED
        with pytest.raises(Permanent, match="refuses the user doctor"):
            await before(peer, password=password).call("kv/range", {})

    played(story)


@pytest.mark.parametrize("token", [None, 5, "", "abc", "é" * 20, "a" * 20_000])
def test_e6_what_is_no_token_is_not_shown(password: SecretFile, token: object) -> None:
    async def story() -> None:
        peer = Peer("one")
        peer.login = {**WELL, "token": token}
        with pytest.raises(Unanswered, match="it gave no token"):
            await before(peer, password=password).call("kv/range", {})
        assert peer.paths == ["auth/authenticate"]

    played(story)


def test_b10_an_answer_of_another_cluster_is_a_refusal() -> None:
    async def story() -> None:
        one, two = Peer("one"), Peer("two", OTHER)
        gateway = before(one, two)
        assert await gateway.call("kv/range", {}) == WELL
        one.answers = [OTHER]
        with pytest.raises(Permanent, match="http://one belongs to another cluster"):
            await gateway.call("kv/range", {})
        gateway = before(two, Peer("three"))
        gateway.belong("1")
        assert await gateway.call("kv/range", {}) == WELL
        assert len(two.asked) == 2

    played(story)


def test_what_is_not_kept_any_more_is_said_of_a_range_alone() -> None:
    async def story() -> None:
        gateway = before(Peer("one", LATE), Peer("two"))
        with pytest.raises(Compacted):
            await gateway.call("kv/range", {})
        assert await gateway.call("kv/range", {}) == WELL  # the other one is asked first then
        with pytest.raises(Unanswered, match="compacted") as failed:
            await before(Peer("one", LATE)).call("kv/txn", {})
        assert failed.value.sent

    played(story)
