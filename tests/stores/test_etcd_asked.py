"""What is asked of etcd page by page, and what is made of an answer that says less than it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded
from doctor_daemon.stores.etcd_loading import PAGE, counted, load_past
from doctor_daemon.stores.etcd_past import Past
from tests.stores.test_etcd_gateway import Peer, Response, before
from tests.stores.test_etcd_read import REVISION, Keys, numbered, played


class Growing(Keys):
    """One to which others write all the time, so that each answer is of a newer revision."""

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await super().call(path, body)
        return {**answer, "header": {"revision": str(REVISION + len(self.limits) - 1)}}


def test_all_pages_are_of_the_moment_of_the_first_whatever_is_written_meanwhile() -> None:
    async def story() -> None:
        keys = Growing()
        keys.kept = numbered(2 * PAGE + 1).kept
        assert len(await keys.names()) == 2 * PAGE + 1
        assert keys.revisions == ["", str(REVISION), str(REVISION)]

    played(story)


class Silent:
    """Says of nothing how often it is there, but for the mark."""

    async def call(self, _: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        mark = {"key": coded(b"/x/mark"), "mod_revision": "3"}
        return {"responses": [{"response_range": {"kvs": [mark]}}, *({} for _ in body["success"])]}


def test_what_is_not_counted_is_not_there() -> None:
    async def story() -> None:
        assert await counted(cast("Gateway", Silent()), "/x/") == (3, 0)

    played(story)


def test_why_the_first_of_what_is_over_cannot_be_read_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        keys = Keys()
        keys.kept = {b"/x/x/a": b"no short", b"/x/x/b": b"{}\nno incident"}
        await load_past(cast("Gateway", keys), "/x/", Past())

    played(story)
    (said,) = [one for one in capsys.readouterr().out.splitlines() if "cannot be read" in one]
    assert "has no short, or nothing else" in said


class Heading(Peer):
    """Keeps what is said beside a question."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.headers: list[Mapping[str, str]] = []

    def post(self, url: str, *, headers: Mapping[str, str], **other: object) -> Response:
        self.headers.append(headers)
        return super().post(url, headers=headers, **other)


def test_whoever_has_no_user_shows_no_token_not_even_an_empty_one() -> None:
    async def story() -> None:
        peer = Heading("one")
        await before(peer).call("kv/range", {})
        assert peer.headers == [{"Content-Type": "application/json"}]

    played(story)
