"""Nova's servers, read strictly: which is on which host."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.servers import HOST, by_host, only_on, read_page, since
from doctor_daemon.core.host import UNSHOWN, Server
from doctor_daemon.errors import Permanent, Temporary
from tests.controllers.answers import SERVER, body


def test_a_page_is_read_with_its_end() -> None:
    other = {**SERVER, "id": "s2"}
    link = [{"rel": "next", "href": "http://elsewhere.example/steals-tokens?marker=zzz"}]
    page = read_page(body("servers", SERVER, other, servers_links=link))
    assert [one.server.id for one in page.placed] == ["s1", "s2"]
    assert page.marker == "s2", "the last one's id, whatever the link says"
    assert read_page(body("servers", SERVER)).marker == ""
    assert read_page(body("servers", servers_links=link)).marker == ""


@pytest.mark.parametrize("status", ["DELETED", "SOFT_DELETED"])
def test_trap_changes_since_returns_deleted_servers_with_their_last_host(status: str) -> None:
    (gone,) = read_page(body("servers", {**SERVER, "status": status})).placed
    assert (gone.server.id, gone.host) == ("s1", "")


def test_a_server_without_a_host_is_on_none() -> None:
    rows = [{**SERVER, HOST: None}, {**SERVER, "id": "s2", HOST: ""}, {**SERVER, "id": "s3"}]
    hosts = by_host(read_page(body("servers", *rows)).placed)
    assert {host: [server.id for server in on] for host, on in hosts.items()} == {"cmp-1": ["s3"]}


def test_a_server_that_moved_between_two_pages_is_where_it_was_seen_last() -> None:
    rows = [SERVER, {**SERVER, HOST: "cmp-2"}]
    assert by_host(read_page(body("servers", *rows)).placed).keys() == {"cmp-2"}


def test_trap_1_a_server_of_another_host_means_that_the_filter_was_dropped() -> None:
    rows = [SERVER, {**SERVER, "id": "s2", HOST: "cmp-10"}]
    with pytest.raises(Permanent, match=r"also listed s2 of 'cmp-10': it ignores the filter"):
        only_on("cmp-1", read_page(body("servers", *rows)).placed)


def test_trap_1_without_the_attribute_the_role_does_not_suffice() -> None:
    hidden = {key: value for key, value in SERVER.items() if key != HOST}
    with pytest.raises(Permanent, match=rf"does not show {HOST}: the daemon's role"):
        read_page(body("servers", hidden))


def test_trap_2_a_server_of_a_cell_that_does_not_answer_is_on_no_known_host() -> None:
    stub = {"id": "s1", "status": "UNKNOWN", "tenant_id": "p1"}
    with pytest.raises(Temporary, match="its cell does not answer"):
        read_page(body("servers", stub))


@pytest.mark.parametrize("key", ["id", "tenant_id", "status"])
def test_a_server_lacks_nothing(key: str) -> None:
    with pytest.raises(Permanent, match=key):
        read_page(body("servers", {**SERVER, key: None}))


def test_changes_are_asked_for_in_utc() -> None:
    assert since(1795228322.9) == "2026-11-21T02:32:02Z"


def _tagged(**changes: object) -> Server:
    flavor = {"original_name": "tiny", "extra_specs": {"hw:tpm_version": "2.0"}}
    row = {**SERVER, "metadata": {"HA_Enabled": "True"}, "flavor": flavor, "image": "", **changes}
    (placed,) = read_page(body("servers", row), tagged=True).placed
    return placed.server


def test_what_is_written_on_a_server_and_its_flavor_is_read_where_it_is_asked_for() -> None:
    server = _tagged(locked=True)
    assert server.tags == {"server:HA_Enabled": "True", "flavor:hw:tpm_version": "2.0"}
    assert (server.volume, server.locked, server.unread) == (True, True, "")
    (plain,) = read_page(body("servers", SERVER)).placed
    assert (plain.server.tags, plain.server.volume) == ({}, None)


@pytest.mark.parametrize(
    ("image", "volume"),
    [("", True), ({"id": "i1", "links": []}, False), ({}, False), (None, None), ("i1", None)],
)
def test_trap_18_a_root_disk_is_a_volume_only_where_nova_says_so(
    image: object,
    volume: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    assert _tagged(image=image).volume is volume


@pytest.mark.parametrize("locked", [False, None, "true"])
def test_a_server_is_locked_only_where_nova_says_so(locked: object) -> None:
    assert not _tagged(locked=locked).locked


@pytest.mark.parametrize(
    ("changes", "unread"),
    [
        ({"metadata": None}, "Nova does not show its metadata"),
        ({"flavor": {"original_name": "tiny"}}, "Nova does not show its flavor's tags"),
        ({"flavor": None}, "Nova does not show its flavor's tags"),
        ({"flavor": {"id": "1", "links": []}}, UNSHOWN),
        (
            {"flavor": {"id": "1"}, "metadata": []},
            "Nova does not show its metadata and its flavor's tags",
        ),
    ],
)
def test_tags_that_are_not_shown_are_told_and_not_taken_for_none(
    changes: Mapping[str, object], unread: str
) -> None:
    assert _tagged(**changes).unread == unread


def test_a_tag_that_is_no_text_is_none() -> None:
    assert _tagged(metadata={"HA_Enabled": True, "a": "b"}).tags["server:a"] == "b"
    assert "server:HA_Enabled" not in _tagged(metadata={"HA_Enabled": True}).tags
