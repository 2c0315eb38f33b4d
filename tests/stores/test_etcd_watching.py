"""B10, E6: whoever is asked for himself, and whoever tells of changes as they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.ports import SecretFile
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_stream import Stream
from tests.stores.test_etcd_gateway import BUSY, OTHER, REFUSED, WELL, Peer, before, played


@pytest.fixture
def password(tmp_path: Path) -> SecretFile:
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    path.chmod(0o600)
    return SecretFile(path)


def test_each_is_asked_for_itself() -> None:
    async def story() -> None:
        gateway = before(
            Peer("one"), Peer("two", REFUSED), Peer("three", BUSY), Peer("four", OTHER)
        )
        found = await gateway.each("kv/range", {})
        kinds = [type(found[f"http://{name}"]) for name in ("one", "two", "three", "four")]
        assert kinds == [dict, Permanent, Unanswered, dict]

    played(story)


def test_e6_whoever_watches_shows_a_token_that_counts(password: SecretFile) -> None:
    async def story() -> None:
        canceled = {"result": {**WELL, "canceled": True}}
        peer = Peer("one", canceled, WELL)
        gateway = before(peer, password=password)
        assert isinstance(await gateway.stream("watch", {}), Stream)
        assert [token[-1:] for _, token in peer.asked] == ["", "1", "", "2"]
        assert [one.closed for one in peer.responses] == [True, False]
        await gateway.stream("watch", {})
        assert peer.tokens == 2
        peer.answers = [canceled]
        with pytest.raises(Unanswered, match="lets nobody watch"):
            await gateway.stream("watch", {})
        assert isinstance(await before(Peer("two", canceled)).stream("watch", {}), Stream)
        other = Peer("three", OTHER)
        gateway = before(other, peer)
        gateway.belong("1")
        with pytest.raises(Permanent, match="another cluster"):
            await gateway.stream("watch", {})
        assert other.responses[0].closed
        assert isinstance(await gateway.stream("watch", {}), Stream)  # by the other one
        assert len(other.asked) == 1

    played(story)
