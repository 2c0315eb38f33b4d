"""Hosts: from a few entries to one plan each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.core.host import Device, HostId, Level, Mode, Scope, Selection
from doctor_daemon.ports import device_key

Reading = Callable[..., Settings]
Refusal = Callable[..., str]

UUID = "00112233-4455-6677-8899-aabbccddeeff"
BMC = "type: sample-bmc, password_file: bmc"


def ident(name: str) -> HostId:
    return HostId("default", name)


def test_a_pattern_becomes_a_plan_for_each_host(read: Reading, folder: Path) -> None:
    lines = (f"cmp-{n:03}: {{uuid: {UUID[:-3]}{n:03}, bmc: 192.0.2.{n}}}\n" for n in (1, 2, 3))
    (folder / "bmc.yaml").write_text("".join(lines))
    settings = read(
        f"""\
hosts:
- names: "cmp-[001-003]"
  domain: rack-{{n}}
  mode: fence
  inventory_file: bmc.yaml
  aliases: ["{{host}}.example.org", "node-{{n}}"]
  levels:
  - [{{{BMC}, url: "https://{{bmc}}/{{uuid}}", uuid: "{{uuid}}", hold_s: 5, tags: ["{{n}}"]}}]
  - manual
"""
    )
    assert list(settings.plans) == [ident("cmp-001"), ident("cmp-002"), ident("cmp-003")]
    plan = settings.plans[ident("cmp-002")]
    uuid = f"{UUID[:-3]}002"
    assert plan.levels == (Level((Device("sample-bmc", "sample-bmc", uuid, 5.0),)), Level(()))
    assert (plan.domain, plan.mode, plan.known) == ("rack-002", Mode.FENCE, True)
    assert settings.aliases["cmp-002.example.org"] == plan.host
    assert settings.aliases["node-002"] == plan.host
    device = settings.devices[1]
    assert device_key(device.host, plan.levels[0].devices[0]) == "cmp-002/sample-bmc"
    assert device.config.model_dump(mode="json") == {
        "url": f"https://192.0.2.2/{uuid}",
        "username": "admin",
        "password_file": "bmc",
        "verify": True,
        "timeout_s": 10.0,
        "tags": ["002"],
    }


def test_a_host_that_says_no_more_is_observed(read: Reading) -> None:
    plan = read("hosts: [{names: a}]\n").plans[ident("a")]
    assert (plan.mode, plan.levels, plan.protected, plan.domain) == (Mode.OBSERVE, (), "", "")


def test_devices_are_named_by_their_type_and_number(read: Reading) -> None:
    device = f"{{{BMC}, url: https://x, uuid: {UUID}}}"
    other = f"{{{BMC}, url: https://x, uuid: {UUID}, name: feed-b}}"
    plans = read(f"hosts: [{{names: a, levels: [[{device}, {other}], [{device}]]}}]\n").plans
    names = [[d.name for d in level.devices] for level in plans[ident("a")].levels]
    assert names == [["sample-bmc", "feed-b"], ["sample-bmc-2"]]


def test_b15_the_digest_is_of_the_levels_and_of_no_secret(read: Reading, folder: Path) -> None:
    text = f"hosts: [{{names: a, levels: [[{{{BMC}, url: https://x, uuid: {UUID}}}]]}}]\n"
    first = read(text).plans[ident("a")].digest
    (folder / "bmc").write_text("another-secret")
    assert read(text).plans[ident("a")].digest == first
    for other in (
        text.replace("https://x", "https://y"),
        text.replace("uuid: 0", "uuid: 1"),
        text.replace("url:", "hold_s: 3, url:"),
        text.replace("url:", "name: b, url:"),
        text.replace("url:", "timeout_s: 9, url:"),
        text.replace("file: bmc", "file: hook"),
        text.replace("]]", "], manual]"),
    ):
        assert read(other).plans[ident("a")].digest != first
    assert read(text.replace("a,", "a, domain: r, mode: fence,")).plans[ident("a")].digest == first


def test_a_uuid_is_read_in_every_spelling(read: Reading) -> None:
    for spelling in (UUID, UUID.upper(), UUID.replace("-", "")):
        text = f"hosts: [{{names: a, levels: [[{{{BMC}, url: https://x, uuid: '{spelling}'}}]]}}]\n"
        assert read(text).plans[ident("a")].levels[0].devices[0].uuid == UUID


def test_the_byte_order_of_smbios_swaps_the_first_three_fields(read: Reading) -> None:
    device = f"{{{BMC}, url: https://x, uuid: {UUID}, uuid_order: smbios}}"
    plan = read(f"hosts: [{{names: a, levels: [[{device}]]}}]\n").plans[ident("a")]
    assert plan.levels[0].devices[0].uuid == "33221100-5544-7766-8899-aabbccddeeff"


@pytest.mark.parametrize(
    ("uuid", "words"),
    [
        ("00000000-0000-0000-0000-000000000000", "this one stands for none"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "this one stands for none"),
        ("00112233-4455-6677-8899-aabbccddeef", "expected a UUID"),
        ("{00112233-4455-6677-8899-aabbccddeeff}", "stands for nothing"),
        ("0011_233-4455-6677-8899-aabbccddeeff", "expected a UUID"),
        ("", "expected a UUID"),
    ],
)
def test_a14_what_is_no_hosts_uuid_is_refused(refused: Refusal, uuid: str, words: str) -> None:
    device = f"{{{BMC}, url: https://x, uuid: '{uuid}'}}"
    assert words in refused(f"hosts: [{{names: a, levels: [[{device}]]}}]\n")


def test_a14_two_hosts_cannot_have_one_uuid(refused: Refusal) -> None:
    device = f"{{{BMC}, url: https://x, uuid: {UUID}}}"
    told = refused(f"hosts: [{{names: 'c[1-3]', levels: [[{device}]]}}]\n")
    assert "uuid: found the UUID of 'c1' once more; expected one of its own (host c2 and 1" in told


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ("[{names: a}, {names: a}]", "hosts[1].names: the host is listed twice (host a)"),
        ("[{names: 'c[1-5]'}, {names: 'c[4-9]'}]", "the host is listed twice (host c4 and 1 more)"),
        ("[{names: a}, {names: A}]", "the name 'A' is also that of a"),
        ("[{names: a, aliases: b}, {names: b}]", "the name 'b' is also that of a"),
        ("[{names: 'c[1-2]', aliases: x}]", "the name 'x' is also that of c1"),
        ("[{names: a}, {names: a.example}]", "'a.example' could be taken for 'a', which is a"),
        ("[{names: b.x}, {names: c, aliases: b}]", "'b' could be taken for 'b.x', which is b.x"),
        ("[{names: ''}]", "expected a name or a pattern"),
        ("[{names: []}]", "hosts[0].names: found a list; expected at least one name"),
        ("[{names: '*'}]", "expected a host's name"),
        ("[{names: a, aliases: 'x y'}]", "hosts[0].aliases: expected a name without spaces"),
        ("[{names: a, aliases: '{n}'}]", "hosts[0].aliases: {n} stands for nothing"),
        ("[{names: a, domain: '{rack}'}]", "hosts[0].domain: {rack} stands for nothing"),
        ("[{names: a, cloud: other}]", "found 'other'; expected 'default', the configured cloud"),
        ("[{names: 'c[0-9999]'}, {names: d}]", "hosts: expected at most 10000 hosts in all"),
        (
            "[{names: a, levels: [manual, manual]}]",
            "hosts[0].levels[0]: nothing after a manual level is ever tried",
        ),
        (
            (
                f"[{{names: a, levels: [[{{{BMC}, url: https://x, uuid: {UUID}, name: x}}],"
                f"[{{{BMC}, url: https://x, uuid: {UUID}, name: x}}]]}}]"
            ),
            "hosts[0].levels[1]: found one device name twice",
        ),
    ],
)
def test_a13_a14_what_is_not_clear_is_refused(refused: Refusal, hosts: str, words: str) -> None:
    assert words in refused(f"hosts: {hosts}\n")


def test_an_entry_without_hosts_selects_none(read: Reading) -> None:
    assert read("hosts: []\n").plans == {}
    assert read("").plans == {}


def test_the_clouds_name_is_that_of_its_hosts(read: Reading) -> None:
    head = "cloud: {type: sample-cloud, name: west}\nstate: {type: sample-shelf}\n"
    settings = read("hosts: [{names: a, cloud: west}]\n", head)
    assert list(settings.plans) == [HostId("west", "a")]
    assert settings.cloud.name == "west"


@pytest.mark.parametrize(
    ("inventory", "words"),
    [
        ("b: {x: 1}", "doctor-daemon.yaml:3: hosts[0].inventory_file: "),
        ("a: {host: 1}", "inv.yaml:1: a.host: expected a variable's name"),
        ("a: {n: 1}", "inv.yaml:1: a.n: expected a variable's name"),
        ("a: {X: 1}", "inv.yaml:1: a.X: expected a variable's name"),
        ("a: {x: true}", "inv.yaml:1: a.x: expected text or a whole number"),
        ("a: {x: 1.5}", "inv.yaml:1: a.x: expected text or a whole number"),
        ("a: {x: [1]}", "inv.yaml:1: a.x: expected text or a whole number"),
        ("a: {x: }", "inv.yaml:1: a.x: expected text or a whole number"),
        ("a: 1", "inv.yaml:1: a: expected a mapping of variables"),
        ("a: {aliases: 1}", "inv.yaml:1: a.aliases: expected a name or a list of names"),
        ("a: {aliases: [1]}", "inv.yaml:1: a.aliases: expected a name or a list of names"),
        ("a: {}\na: {}", "inv.yaml:2: a: this key stands twice"),
        ("- a", "inv.yaml:1: expected a mapping of options"),
    ],
)
def test_an_inventory_is_read_as_strictly(
    refused: Refusal, folder: Path, inventory: str, words: str
) -> None:
    (folder / "inv.yaml").write_text(inventory)
    assert words in refused("hosts: [{names: a, inventory_file: inv.yaml}]\n")


def test_an_inventory_that_is_missing_is_the_only_fault(refused: Refusal) -> None:
    told = refused("hosts: [{names: 'c[1-9]', inventory_file: inv.yaml, domain: '{rack}'}]\n")
    assert told == "inv.yaml:1: the file cannot be read: No such file or directory"


def test_an_inventory_may_give_names_and_numbers(read: Reading, folder: Path) -> None:
    (folder / "inv.yaml").write_text("a: {slot: 7, rack: '07', aliases: node-a}\n")
    settings = read("hosts: [{names: a, inventory_file: inv.yaml, domain: 'r{rack}-{slot}'}]\n")
    assert settings.plans[ident("a")].domain == "r07-7"
    assert settings.aliases == {"node-a": ident("a")}


def test_by_default_all_servers_that_boot_from_volumes_are_moved(read: Reading) -> None:
    plan = read("hosts: [{names: a}]\n").plans[ident("a")]
    assert plan.selection == Selection()
    assert (plan.selection.scope, plan.selection.shared_storage) == (Scope.ALL, False)


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("evacuate: all", {}),
        ("evacuate: tagged", {"scope": Scope.TAGGED}),
        ("evacuate: none", {"scope": Scope.NONE}),
        ("shared_storage: true", {"shared_storage": True}),
        ("i_accept_lost_disks: true", {"lost_disks": True}),
        ("locked_servers: leave", {"locked": False}),
        ("amphorae: move", {"amphorae": True}),
        ("restart_order: false", {"ordered": False}),
        ("service_projects: [p1, p2]", {"service_projects": ("p1", "p2")}),
        ("service_projects: p1", {"service_projects": ("p1",)}),
        ("service_metadata: [role=lb, managed]", {"service_metadata": ("role=lb", "managed")}),
        ("hold_max_s: 30", {"hold_max_s": 30.0}),
    ],
)
def test_which_servers_are_moved_is_a_groups_own(
    read: Reading, option: str, changes: dict[str, Any]
) -> None:
    plans = read(f"hosts: [{{names: a, {option}}}, {{names: b}}]\n").plans
    assert plans[ident("a")].selection == replace(Selection(), **changes)
    assert plans[ident("b")].selection == Selection()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("evacuate: some", "hosts[0].evacuate"),
        ("evacuate: true", "hosts[0].evacuate"),
        ("shared_storage: ceph", "hosts[0].shared_storage"),
        ("locked_servers: false", "hosts[0].locked_servers"),
        ("service_projects: 7", "hosts[0].service_projects"),
        ("service_metadata: ['']", "hosts[0].service_metadata"),
        ("hold_max_s: 601", "hosts[0].hold_max_s"),
        ("hold_max_s: -1", "hosts[0].hold_max_s"),
    ],
)
def test_a_word_on_servers_that_is_none_is_refused(
    refused: Refusal, option: str, words: str
) -> None:
    assert words in refused(f"hosts: [{{names: a, {option}}}]\n")


def test_hosts_have_an_address_on_each_network(read: Reading, folder: Path) -> None:
    (folder / "more.yaml").write_text("cmp-1: {mine: '2001:db8::01'}\ncmp-2: {mine: 192.0.2.2}\n")
    settings = read(
        "hosts: [{names: 'cmp-[1-2]', inventory_file: more.yaml, "
        "addresses: {management: '10.0.0.{n}', storage: '{mine}'}}, {names: bare}]\n"
    )
    assert settings.addresses == {
        ident("cmp-1"): {"management": "10.0.0.1", "storage": "2001:db8::1"},
        ident("cmp-2"): {"management": "10.0.0.2", "storage": "192.0.2.2"},
    }


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (
            "{a: '10.0.0.1'}",
            "addresses.a: found 10.0.0.1, which is also that of cmp-1 (host cmp-2)",
        ),
        ("{a: 'cmp-{n}.example'}", "addresses.a: found 'cmp-1.example'; expected an IP"),
        ("{a: '{nothing}'}", "nothing"),
        ("{'a b': '10.0.0.{n}'}", "addresses"),
    ],
)
def test_a14_an_address_that_could_be_anothers_is_refused(
    refused: Refusal, addresses: str, told: str
) -> None:
    assert told in refused(f"hosts: [{{names: 'cmp-[1-2]', addresses: {addresses}}}]\n")
