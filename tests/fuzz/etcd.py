"""What etcd answers, and what stands in it: read by the store that keeps the state there."""

from __future__ import annotations

import asyncio
import atexit
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any, Self, cast

from doctor_daemon.errors import Conflict, DoctorError, LateError, Permanent, Temporary
from doctor_daemon.ports import SecretFile, Wanted
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_agreement import agreed
from doctor_daemon.stores.etcd_audit import old, page
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_daemons import Own
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded
from doctor_daemon.stores.etcd_lease import BELIEVED_MAX_S, EtcdLease
from doctor_daemon.stores.etcd_loading import check_prefix, load, load_past
from doctor_daemon.stores.etcd_meaning import Expired, understood
from doctor_daemon.stores.etcd_mirror import Mirror
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_past import Past
from doctor_daemon.stores.etcd_questions import headings, notices
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import Claim, Mark
from doctor_daemon.stores.etcd_watch import Heard, heard
from doctor_daemon.stores.etcd_writer import Writer
from tests.fuzz.documents import FOLDER
from tests.fuzz.requests import brief
from tests.simulation.virtual import VirtualLoop
from tests.stores.etcd_leases import Waiting

PREFIX = "/d/"
WAIT_S = 1.0
"""How long whoever asks waits, in virtual seconds."""
TOKEN_MAX = 16_384
STATUSES = (200, 401, 503)
Answer = Callable[[Mapping[str, Any]], tuple[int, bytes]]
"""What is answered to what is asked."""

_loop = VirtualLoop()
"""It finds out who asks for ever, too: its time does not move for that."""
atexit.register(_loop.close)


def done(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, in virtual time."""
    _loop.run_until_complete(_begun(coroutine))


async def _begun(coroutine: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(1.0)  # the steps of the one before do not count for this one
    await coroutine


@cache
def _password() -> SecretFile:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    path = FOLDER / "etcd-password"
    path.write_text("correct horse battery")
    path.chmod(0o600)
    return SecretFile(path)


@dataclass
class _Body:
    """A body, in two pieces."""

    said: bytes

    async def iter_any(self) -> AsyncIterator[bytes]:
        half = len(self.said) // 2
        yield self.said[:half]
        yield self.said[half:]


@dataclass
class _Said:
    """aiohttp's response."""

    status: int
    content: _Body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@dataclass
class _Peer:
    """`ports.endpoint.Endpoint` and aiohttp's session in one: an etcd that says what it likes."""

    answer: Answer
    url: str = "http://127.0.0.1:2379"
    timeout_s: float = 1.0

    def session(self, tls: ssl.SSLContext) -> Self:
        return self

    def post(
        self, url: str, *, data: BytesIO, headers: Mapping[str, str], allow_redirects: bool
    ) -> _Said:
        assert not allow_redirects
        for text in headers.values():  # aiohttp raises ValueError for others
            assert text.isascii()
            assert text.isprintable()
            assert len(text) <= TOKEN_MAX
        status, said = self.answer(json.loads(data.read()))
        return _Said(status, _Body(said))

    async def close(self) -> None:
        return None

    def gateway(self, *, user: bool = False) -> Gateway:
        named: dict[str, Any] = {"username": "doctor", "password": _password()} if user else {}
        tls = cast("ssl.SSLContext", None)  # nothing is connected to
        return Gateway([cast("Endpoint", self)], tls, **named)


def _always(status: int, said: bytes) -> Answer:
    return lambda _: (status, said)


def etcd_answers(data: bytes) -> None:
    """One answer to everything that is asked: it means something, or is a documented error."""
    done(_answers(data))


async def _answers(data: bytes) -> None:
    for status in STATUSES:
        peer = _Peer(_always(status, data))
        for user in (False, True):
            try:
                found = await peer.gateway(user=user).call("kv/range", {})
            except (Permanent, Temporary) as error:
                brief(error)
            else:
                assert status == 200
                assert found["header"]["cluster_id"]
    peer = _Peer(_always(200, data))
    await _judged(agreed(peer.gateway(), PREFIX))
    await _judged(check_prefix(peer.gateway(), PREFIX))
    await _judged(_claimed(peer.gateway()))
    await _judged(_leased(peer.gateway()))
    await _judged(_told(data))
    await _judged(load(peer.gateway(), PREFIX))
    await _judged(load_past(peer.gateway(), PREFIX, Past()))
    await _judged(page(peer.gateway(), PREFIX, 0, 10))
    await _judged(old(peer.gateway(), PREFIX, 0.0))
    await _write(peer.gateway(), _says_done(data))


def _says_done(data: bytes) -> bool:
    """Tell whether an answer to a transaction says that it was done, whatever else it says."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("succeeded") is True


async def _claimed(gateway: Gateway) -> None:
    own = await claimed(gateway, PREFIX, Waiting())
    assert own.claim.by == "me"
    assert own.revision > 0


async def _told(data: bytes) -> None:
    """Take each line for what etcd tells of changes to whoever follows them."""
    (endpoint,) = EtcdConfig(endpoints=("http://127.0.0.1:1",)).asked()
    mirror, waiting = Mirror(_Peer(_always(200, b"{}")).gateway(), PREFIX), list[Heard]()
    for line in data.splitlines():
        try:
            if (some := heard(understood(200, line, endpoint), PREFIX, waiting)) is not None:
                mirror.take(some)
        except Expired:
            return
    assert not mirror.whole


async def _leased(gateway: Gateway) -> None:
    """Lead by what is answered: for no longer than any lease, and never ended by a bug."""
    lease = EtcdLease(PREFIX, "me", 10, now=_loop.time)
    lease.begin(gateway)
    try:
        await lease.lease()
        await lease.lead(Own(Claim(1, "me"), 1, 1))
        await lease.confirm()
    except (Conflict, LateError) as error:
        brief(error)
    finally:
        assert lease.left_s() < BELIEVED_MAX_S
        assert "is kept no more" not in lease.standing().text
        await lease.close()


async def _judged(asking: Coroutine[Any, Any, object]) -> None:
    """Wait, as the store does, for what may raise the documented errors and no others."""
    try:
        async with asyncio.timeout(WAIT_S):
            await asking
    except TimeoutError:
        return
    except (Permanent, Temporary) as error:
        brief(error)


async def _write(gateway: Gateway, was_done: bool) -> None:  # noqa: FBT001 - what is answered
    """Write twice: what was done is never said to be certainly not done."""
    writer = Writer(gateway, PREFIX, WAIT_S / 2)
    writer.start(Claim(1, "me"), 1, Mark(""), 0)
    ends = [await _written(writer, f"l/{number}") for number in range(2)]
    await writer.stop()
    for error in (one for one in ends if one is not None):
        assert not (was_done and isinstance(error, Permanent)), error
        assert "the writer failed" not in str(error), error
        brief(error)


async def _written(writer: Writer, key: str) -> DoctorError | None:
    try:
        await writer.write(lambda _: Plan(puts={key: b"{}"}))
    except (Permanent, Temporary, Conflict) as error:
        return error
    return None


def etcd_rows(data: bytes) -> None:
    """Keys and values as they stand in etcd: a daemon starts on them, or says why it does not."""
    done(_rows(_stored(data)))


def _stored(data: bytes) -> dict[bytes, bytes]:
    """Return keys and values: an object's members; of what is no object the first line is a key."""
    try:
        found = json.loads(data)
        if isinstance(found, dict):
            return {_bytes(key): _bytes(value) for key, value in found.items()}
    except (ValueError, RecursionError):
        pass
    key, _, value = data.partition(b"\n")
    return {key: value}


def _bytes(value: object) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="surrogatepass")


def _page(stored: Mapping[bytes, bytes], asked: Mapping[str, Any]) -> tuple[int, bytes]:
    """Answer a range as etcd does."""
    begin, end, limit = decoded(asked["key"]), decoded(asked["range_end"]), int(asked["limit"])
    prefix = PREFIX.encode()
    there = sorted((prefix + key, value) for key, value in stored.items())
    found = [(key, value) for key, value in there if begin <= key < end]
    kvs = [
        {"key": coded(key), "value": b64encode(value).decode(), "mod_revision": f"{number}"}
        for number, (key, value) in enumerate(found[:limit], 1)
    ]
    header = {"cluster_id": "1", "revision": "99"}
    more = len(found) > limit
    return 200, json.dumps({"header": header, "kvs": kvs, "more": more}).encode()


async def _rows(stored: Mapping[bytes, bytes]) -> None:
    peer = _Peer(lambda asked: _page(stored, asked))
    try:
        loaded = await load(peer.gateway(), PREFIX)
        await load_past(peer.gateway(), PREFIX, loaded.past)
        await _asked(loaded)
    except (Permanent, Temporary) as error:
        brief(error)


async def _asked(loaded: Loaded) -> None:
    """Ask all that a store can be asked."""
    found = loaded.contents.snapshot()
    assert len(found.incidents) <= len({one.host for one in found.incidents})
    for heading in headings(loaded, None, 100):
        assert (loaded.contents.find(heading.id) or loaded.past.find(heading.id)) is not None
    for row in await notices(loaded, Wanted(), 100):
        assert row.body == ""
