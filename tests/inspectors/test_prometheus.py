"""Prometheus, asked: what its answers say, and which of them say nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.prometheus import Prometheus
from doctor_daemon.ports.surroundings import Concern
from tests.engine.rig import HOST
from tests.fakes import peer
from tests.fakes.peer import Peer
from tests.fakes.tls import Tls
from tests.inspectors.looking import Scene, configured, secret, told
from tests.inspectors.queries import Json, answer, series
from tests.inspectors.rig import Ledger, terms

ORIGIN = "http://127.0.0.1:1"


class Stage:
    """A source and what its Prometheus answers."""

    def __init__(self, folder: Path, origin: str = ORIGIN, **options: object) -> None:
        wanted: dict[str, object] = {"query": "up", "timeout_s": 1.0, **options}
        config = configured(Prometheus.Config, folder, url=origin, **wanted)
        self.ledger, self.scene = Ledger(), Scene()
        self.source = Prometheus(config, terms("prom"))
        self.source.place(self.scene.around())

    async def look(self) -> None:
        await self.source.look(self.ledger)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)


@asynccontextmanager
async def asking(folder: Path, *answers: Json, **options: object) -> AsyncIterator[Stage]:
    """Ask a Prometheus that answers so, one after the other."""
    async with Peer(peer.in_turn(*map(peer.telling, answers))) as server:
        stage = Stage(folder, server.origin, **options)
        try:
            yield stage
        finally:
            await stage.source.close()


async def test_the_value_says_how_the_host_is(tmp_path: Path) -> None:
    first, then = series(1, cmp_1="0", cmp_2="1"), series(2, cmp_1="1", cmp_2="0")
    async with asking(tmp_path, first, then, kind="node-exporter") as stage:
        await stage.look()
        assert stage.told == [("cmp-1", "node-exporter", "down")]
        await stage.look()
    assert stage.told[1:] == [
        ("cmp-1", "node-exporter", "withdrawn"),
        ("cmp-2", "node-exporter", "down"),
    ]


async def test_a_sign_of_life_is_one_where_the_operator_says_so(tmp_path: Path) -> None:
    answers = (
        series(1, cmp_1="0"),
        series(2, cmp_1="0.5"),
        series(3, cmp_1="0"),
        series(4, cmp_1="1"),
    )
    async with asking(tmp_path, *answers, alive_value=1.0) as stage:
        for _ in answers:
            await stage.look()
            stage.ledger.clock.move(1)
    assert [verdict for _, _, verdict in stage.told] == ["down", "withdrawn", "down", "up"]


async def test_an_empty_answer_is_nothing(tmp_path: Path) -> None:
    """Neither all up nor all down: nobody knows why nothing matched."""
    async with asking(tmp_path, series(1, cmp_1="0"), answer([])) as stage:
        await stage.look()
        stage.scene.concerns[HOST] = Concern.SUSPECTED
        for _ in range(5):
            await stage.look()
    assert stage.told == [("cmp-1", "prometheus", "down")]
    assert stage.ledger.is_open(HOST)


async def test_a_host_that_is_not_in_the_answer_is_not_known(tmp_path: Path) -> None:
    async with asking(tmp_path, series(1, cmp_1="0"), series(2, cmp_2="1")) as stage:
        await stage.look()
        await stage.look()
    assert stage.ledger.is_open(HOST)


async def test_nan_is_nothing(tmp_path: Path) -> None:
    answers = series(1, cmp_1="NaN"), series(2, cmp_1="+Inf"), series(3, cmp_1="-Inf")
    async with asking(tmp_path, *answers) as stage:
        stage.scene.concerns[HOST] = Concern.SUSPECTED
        for _ in answers:
            await stage.look()
    assert stage.told == []


async def test_a5_an_answer_of_a_cache_is_nothing(tmp_path: Path) -> None:
    answers = (
        series(9, cmp_1="1"),
        series(9, cmp_1="0"),
        series(8, cmp_1="0"),
        series(10, cmp_1="0"),
    )
    async with asking(tmp_path, *answers) as stage:
        await stage.look()
        for _ in range(2):
            with pytest.raises(Temporary, match="kept by a cache"):
                await stage.look()
        assert stage.told == []
        await stage.look()
    assert stage.told == [("cmp-1", "prometheus", "down")]


async def test_of_two_series_of_a_host_the_better_counts(tmp_path: Path) -> None:
    pair = [
        {"metric": {"host": "cmp-1", "job": "a"}, "value": [1, "0"]},
        {"metric": {"host": "cmp-1", "job": "b"}, "value": [1, "1"]},
        {"metric": {"host": "cmp-2", "job": "a"}, "value": [1, "0"]},
        {"metric": {"host": "cmp-2", "job": "b"}, "value": [1, "0"]},
    ]
    for rows in (pair, pair[::-1]):
        async with asking(tmp_path, answer(rows)) as stage:
            await stage.look()
        assert stage.told == [("cmp-2", "prometheus", "down")]


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ({"instance": "cmp-1:9100"}, {}),
        ({"nodename": "cmp-1", "instance": "192.0.2.1:9100"}, {}),
        ({"node": "cmp-1"}, {"host_labels": ["node"]}),
        ({"host": "cmp-1.example"}, {"strip": ""}),
        ({"host": "x-cmp-1"}, {"strip": "^x-"}),
    ],
)
async def test_the_host_is_found_as_alertmanagers_is(
    tmp_path: Path, labels: Mapping[str, str], options: Mapping[str, Any]
) -> None:
    found = answer([{"metric": labels, "value": [1, "0"]}])
    async with asking(tmp_path, found, **options) as stage:
        await stage.look()
    assert stage.told == [("cmp-1", "prometheus", "down")]


@pytest.mark.parametrize("name", ["cmp-9", "CMP-1\n", "c" * 400, "", "*", ".*"])
async def test_a13_an_unknown_name_is_nobody(tmp_path: Path, name: str) -> None:
    """And the others of the answer are heard."""
    rows = [
        {"metric": {"host": name}, "value": [1, "0"]},
        {"metric": {}, "value": [1, "0"]},
        {"metric": {"host": "cmp-2"}, "value": [1, "0"]},
    ]
    async with asking(tmp_path, answer(rows)) as stage:
        await stage.look()
    assert stage.told == [("cmp-2", "prometheus", "down")]


async def test_nobody_there_is_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with pytest.raises(Temporary, match="no answer"):
        await stage.look()
    await stage.source.close()


@pytest.mark.parametrize("rude", [peer.closing, peer.resetting])
async def test_e5_a_rude_peer_is_nothing(tmp_path: Path, rude: peer.Answer) -> None:
    async with Peer(rude) as server:
        stage = Stage(tmp_path, server.origin)
        with pytest.raises(Temporary, match="no answer"):
            await stage.look()
        await stage.source.close()


async def test_e5_an_answer_without_end_is_not_read(tmp_path: Path) -> None:
    body = b" " * (8 * 1024 * 1024 + 1)
    async with Peer(peer.answering(200, body)) as server:
        stage = Stage(tmp_path, server.origin, timeout_s=10.0)
        with pytest.raises(Temporary, match="longer than"):
            await stage.look()
        await stage.source.close()


async def test_it_asks_and_logs_in(tmp_path: Path, tls: Tls) -> None:
    ca, context = tls
    secret(tmp_path / "token", "a-bearer-token")
    async with Peer(peer.telling(series(1, cmp_1="0")), context) as server:
        options = {"ca_file": str(ca), "bearer_file": "token", "query": 'up{job="a&b"}'}
        stage = Stage(tmp_path, f"{server.origin}/prom/", lookback_s=30.0, **options)
        await stage.look()
        await stage.source.close()
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/prom/api/v1/query")
    assert request.headers["authorization"] == "Bearer a-bearer-token"
    form = parse_qs(request.body.decode())
    assert form["query"] == ['up{job="a&b"}']
    assert form["lookback_delta"] == ["30s"]


async def test_a_password_is_sent_as_basic_authentication(tmp_path: Path) -> None:
    secret(tmp_path / "password", "pass:word")
    async with Peer(peer.telling(series(1, cmp_1="0"))) as server:
        stage = Stage(tmp_path, server.origin, username="me", password_file="password")
        await stage.look()
        await stage.source.close()
    wanted = b64encode(b"me:pass:word").decode()
    assert server.requests[0].headers["authorization"] == f"Basic {wanted}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"username": "me"}, "together with password_file"),
        ({"password_file": "x"}, "together with password_file"),
        ({"username": "a:b", "password_file": "x"}, "without a colon"),
        ({"username": "a", "password_file": "x", "bearer_file": "y"}, "either it or username"),
        ({"strip": "("}, "expected a regular expression"),
        ({"url": "http://prom.example"}, "plain http sends everything readable"),
        ({"every_s": 0.1}, "greater than or equal to 0.5"),
        ({"query": ""}, "at least 1 character"),
        ({"host_labels": []}, "at least 1 item"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, options: Mapping[str, Any], words: str
) -> None:
    wanted: dict[str, Any] = {"url": ORIGIN, "query": "up", **options}
    with pytest.raises(ValidationError, match=words):
        configured(Prometheus.Config, tmp_path, **wanted)
