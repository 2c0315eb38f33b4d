"""E6, B15: with whom the store in etcd speaks, how it shows who it is, and what it tells nobody."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, SecretFile
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_loading import rows
from doctor_daemon.stores.etcd_meaning import Compacted, TooLong, Unanswered
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster, call, code, running
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_mirror import following, knows, mirror_of
from tests.stores.test_etcd_network import until_written
from tests.stores.values import head_of, opening

USER, PASSWORD = "doctor", "correct horse battery"
PATIENCE_S = 30.0
"""The longest answer takes a busy machine more than an endpoint is given."""
REACH = {"key": code("/doctor-daemon/"), "range_end": code("/doctor-daemon0")}
READWRITE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("auth/user/add", {"name": "root", "password": "of the administrator"}),
    ("auth/user/grant", {"user": "root", "role": "root"}),
    ("auth/role/add", {"name": "doctor"}),
    ("auth/role/grant", {"name": "doctor", "perm": {"permType": "READWRITE", **REACH}}),
    ("auth/user/add", {"name": USER, "password": PASSWORD}),
    ("auth/user/grant", {"user": USER, "role": "doctor"}),
    ("auth/enable", {}),
)
"""What an administrator does: the user may write below /doctor-daemon/ alone."""


def secret(folder: Path, name: str, text: str) -> SecretFile:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return SecretFile(path)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run an etcd that asks for a user, who may write below /doctor-daemon/ alone."""
    with running(tmp_path_factory.mktemp("guarded")) as cluster:
        port = cluster.members[0].port
        for path, body in READWRITE:
            call(port, path, body)
        yield cluster


def user(cluster: Cluster, folder: Path, password: str = PASSWORD, **more: object) -> EtcdConfig:
    file = secret(folder, "password", f"{password}\n")
    given: dict[str, Any] = {"username": USER, "password_file": file, **more}
    return EtcdConfig(endpoints=cluster.urls, **given)


async def test_a_user_writes_and_a_token_that_counts_no_more_is_had_anew(
    guarded: Cluster, tmp_path: Path
) -> None:
    (member,) = guarded.members
    async with opened(user(guarded, tmp_path)) as (store, term):
        await store.commit(opening(), term=term)
        member.kill()
        guarded.start(member, guarded=True)  # tokens are forgotten by an etcd that begins again
        await store.commit(Change(), term=term)
        assert len((await store.load()).incidents) == 1


async def test_a_user_stands_by_too_and_follows_with_a_token_that_counts(
    guarded: Cluster, tmp_path: Path
) -> None:
    (member,) = guarded.members
    config = user(guarded, tmp_path, lease_s=60)
    async with opened(config) as (leader, term), following(config) as (store, begun):
        member.kill()
        guarded.start(member, guarded=True)
        late = opening("late", "late")
        await until_written(leader, late, term)
        await knows(store, lambda one: head_of(late) in one.incidents)
        assert mirror_of(store).reads == 1
        await leader.close()
        assert await begun == term + 1


async def test_b15_a_wrong_password_is_refused_and_told_to_nobody(
    guarded: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "a wrong secret"
    with pytest.raises(Permanent, match="authentication failed") as refused:
        await EtcdStore(user(guarded, tmp_path, wrong)).open()
    assert wrong not in f"{refused.value!r} {caplog.text} {user(guarded, tmp_path, wrong)!r}"


def change_password(cluster: Cluster, password: str) -> None:
    """Do what `etcdctl user passwd doctor` does."""
    (member,) = cluster.members
    root = {"name": "root", "password": "of the administrator"}
    token = call(member.port, "auth/authenticate", root)["token"]
    call(member.port, "auth/user/changepw", {"name": USER, "password": password}, token)


async def test_b18_a_password_that_is_being_changed_ends_nothing(
    guarded: Cluster, tmp_path: Path
) -> None:
    config = user(guarded, tmp_path, timeout_s=3.0)
    login: dict[str, Any] = {"username": config.username, "password": config.password_file}
    gateway = Gateway(config.asked(), config.asked()[0].tls(), **login)
    try:
        await gateway.call("kv/range", REACH)
        change_password(guarded, "a newer secret")
        with pytest.raises(Unanswered, match="authentication failed") as refused:
            await gateway.call("kv/range", REACH)
        assert not refused.value.sent
        secret(tmp_path, "password", "a newer secret")
        await gateway.call("kv/range", REACH)
    finally:
        await gateway.close()
        change_password(guarded, PASSWORD)


async def test_b11_a_member_that_refuses_is_outvoted_at_a_start(
    etcd: Cluster, guarded: Cluster, config: EtcdConfig
) -> None:
    async with relayed(etcd.members[0].port) as relay:
        urls = (*guarded.urls, *etcd.urls, relay.url)
        async with opened(config.model_copy(update={"endpoints": urls})) as (store, term):
            await store.commit(opening(), term=term)
    strange = config.model_copy(update={"endpoints": (*guarded.urls, *etcd.urls)})
    with pytest.raises(Permanent, match="refuses whoever shows no user"):
        await EtcdStore(strange).open()


async def test_without_a_user_nothing_is_opened(guarded: Cluster) -> None:
    with pytest.raises(Permanent, match="refuses whoever shows no user"):
        await EtcdStore(EtcdConfig(endpoints=guarded.urls)).open()


async def test_what_a_user_may_not_write_is_refused(guarded: Cluster, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="permission denied"):
        await EtcdStore(user(guarded, tmp_path, prefix="/elsewhere/")).open()


async def test_a_user_where_etcd_knows_none_is_refused(etcd: Cluster, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="not enabled"):
        await EtcdStore(user(etcd, tmp_path)).open()


@asynccontextmanager
async def answering(
    answer: Callable[[web.Request, str], web.StreamResponse],
    password: SecretFile | None = None,
    *beside: str,
) -> AsyncIterator[tuple[Gateway, list[str]]]:
    """Run somebody who is no etcd, and yield a gateway to him and the paths that he was asked.

    `beside`: the URLs of those who are asked after him.
    """
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return answer(request, await request.text())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    config = EtcdConfig(endpoints=(f"http://127.0.0.1:{address[1]}", *beside))
    endpoints = [one.model_copy(update={"timeout_s": PATIENCE_S}) for one in config.asked()]
    user = USER if password else ""
    gateway = Gateway(endpoints, endpoints[0].tls(), username=user, password=password)
    try:
        yield gateway, asked
    finally:
        await gateway.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (web.Response(status=302, headers={"Location": "/else"}), Unanswered, "302"),
        (web.Response(text="[1]"), Unanswered, "no JSON object"),
        (web.Response(text="{}"), Unanswered, "not as an etcd"),
        (web.Response(text="[" * 100_000), Unanswered, "no JSON object"),
        (web.Response(status=503, text='{"message": "a\\nb", "code": 14}'), Unanswered, "a b"),
        (web.Response(status=400, text='{"message": "too large", "code": 3}'), Permanent, "large"),
        (web.Response(status=400, text='{"message": "late", "code": 11}'), Compacted, "late"),
        (web.Response(body=b" " * (64 * 1024 * 1024 + 1)), TooLong, "longer"),
    ],
    ids=["redirect", "list", "empty", "deep", "unavailable", "refused", "compacted", "long"],
)
async def test_an_answer_is_taken_for_what_it_is(
    answer: web.Response, error: type[Exception], why: str
) -> None:
    async with answering(lambda *_: answer) as (gateway, asked):
        with pytest.raises(error, match=why):
            await gateway.call("kv/range", {})
        assert asked == ["/v3/kv/range"]


def late(*_: object) -> web.Response:
    return web.json_response({"message": "late", "code": 11}, status=400)


def long(*_: object) -> web.Response:
    return web.Response(body=b" " * (64 * 1024 * 1024 + 1))


@pytest.mark.parametrize("answer", [late, long])
async def test_a12_whoever_answers_so_holds_up_nobody(
    etcd: Cluster, tmp_path: Path, answer: Callable[..., web.Response]
) -> None:
    asking = {"key": code("a")}
    async with answering(answer, None, *etcd.urls) as (gateway, asked):
        assert "responses" in await gateway.call("kv/txn", {"success": [{"request_range": asking}]})
        assert asked == ["/v3/kv/txn"]
    async with answering(answer, None, *etcd.urls) as (gateway, asked):
        with pytest.raises((Compacted, TooLong)):
            await gateway.call("kv/range", asking)
        assert "header" in await gateway.call("kv/range", asking)
        assert asked == ["/v3/kv/range"]
    kept = secret(tmp_path, "password", PASSWORD)
    async with answering(answer, kept) as (gateway, asked):
        with pytest.raises(Unanswered) as failed:
            await gateway.call("kv/range", asking)
        assert not failed.value.sent


@pytest.mark.parametrize("code", [3, 14])
async def test_i16_what_a_peer_repeats_is_struck_out(tmp_path: Path, code: int) -> None:
    kept, token = secret(tmp_path, "password", PASSWORD), "a token that nobody may see"

    def repeat(request: web.Request, body: str) -> web.Response:
        if request.path.endswith("authenticate") and len(asked) > 1:
            return web.json_response({"header": {"cluster_id": "1"}, "token": token})
        said = f"{body} {request.headers.get('Authorization')}"
        return web.json_response({"message": said, "code": code}, status=503)

    async with answering(repeat, kept) as (gateway, asked):
        for _ in range(2):
            with pytest.raises((Permanent, Unanswered), match="answers 503") as failed:
                await gateway.call("kv/range", {"key": "x"})
            text = repr(failed.value)
            assert "[redacted]" in text
            assert not any(word in text for word in (PASSWORD, token))
    assert asked == [f"/v3/{path}" for path in ("auth/authenticate",) * 2] + ["/v3/kv/range"]


async def test_what_is_compacted_while_it_is_read_is_noticed(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        for number in range(140):
            await store.commit(opening(f"i{number}", f"cmp-{number}"), term=term)
        (endpoint,) = config.asked()
        gateway = Gateway((endpoint,), endpoint.tls())
        try:
            reading = rows(gateway, config.prefix)
            await anext(reading)
            await store.commit(Change(), term=term)
            answer = call(etcd.members[0].port, "kv/range", {"key": code("none")})
            newest = answer["header"]["revision"]
            call(etcd.members[0].port, "kv/compaction", {"revision": newest})
            with pytest.raises(Compacted):
                async for _ in reading:
                    pass
        finally:
            await gateway.close()
    async with opened(config) as (store, _):
        assert len((await store.load()).incidents) == 140
