"""The proxy that ages a Nova lowers what it offers, and lets through what an older one knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.openstack.elderly import Elderly
from tests.openstack.listener import Asked, Listener, Reply
from tests.openstack.testbed.calls import ask

ABOUT = {"id": "v2.1", "version": "2.104", "min_version": "2.1"}
OTHER = {"id": "v2.0", "version": "", "min_version": ""}


@dataclass(frozen=True)
class Aged:
    """A service behind the proxy, and what has come to it."""

    url: str
    came: list[Asked]


def answer(asked: Asked) -> Reply:
    documents = {"/": {"versions": [OTHER, ABOUT]}, "/v2.1/": {"version": ABOUT}}
    return Reply(200, json.dumps(documents.get(asked.path, {"service": ABOUT})).encode())


@pytest.fixture
def aged() -> Iterator[Aged]:
    came: list[Asked] = []

    def noted(asked: Asked) -> Reply:
        came.append(asked)
        return answer(asked)

    with Listener(noted) as service:
        proxy = Elderly("127.0.0.1", service.port)
        try:
            yield Aged(proxy.url, came)
        finally:
            proxy.close()


def test_both_documents_offer_less(aged: Aged) -> None:
    less = {**ABOUT, "version": "2.52"}
    assert ask("GET", aged.url + "/v2.1/").json == {"version": less}
    assert ask("GET", aged.url + "/").json == {"versions": [OTHER, less]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"OpenStack-API-Version": "compute 2.52"}, 200),
        ({"OpenStack-API-Version": "volume 3.0, compute 2.53"}, 406),
        ({"OpenStack-API-Version": "volume 3.71"}, 200),
        ({"X-OpenStack-Nova-API-Version": "2.100"}, 406),
        ({"X-OpenStack-Nova-API-Version": "2.9"}, 200),
    ],
)
def test_only_what_is_not_too_new_comes_through(
    aged: Aged, headers: dict[str, str], status: int
) -> None:
    got = ask("PUT", aged.url + "/v2.1/os-services/1", {"a": 1}, headers=headers)
    assert got.status == status
    assert len(aged.came) == (status == 200)
    if status == 200:
        assert got.json == {"service": ABOUT}, "nothing else is changed"
        assert json.loads(aged.came[0].body) == {"a": 1}


def test_its_latest_is_its_own(aged: Aged) -> None:
    ask("GET", aged.url + "/v2.1/x", headers={"OpenStack-API-Version": "compute latest"})
    assert aged.came[0].headers["openstack-api-version"] == "compute 2.52"


def test_nobody_behind_it_is_a_bad_gateway() -> None:
    with Listener(answer) as gone:
        port = gone.port
    proxy = Elderly("127.0.0.1", port)
    try:
        assert ask("GET", proxy.url + "/v2.1/").status == 502
    finally:
        proxy.close()
