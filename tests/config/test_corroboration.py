"""How much evidence the hosts of a group need, and what to beware of in that."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from pydantic import BaseModel, Field

from doctor_daemon.config import Settings
from doctor_daemon.config.kinds import kinds_of
from doctor_daemon.config.settings import AuthKind, SourceAuth, SourceChoice
from doctor_daemon.core.corroboration import Corroboration, ServiceDown
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostId, HostPlan
from doctor_daemon.ports import SourceTerms

SERVICES = frozenset({"nova", "nova-service"})
Reading = Callable[..., Settings]
Refusal = Callable[..., str]
AM = "{name: am, type: alertmanager, trust: alone, auth: {bearer_file: token}}"
ZBX = "{name: zbx, type: evidence, kind: zabbix, auth: {bearer_file: token}}"
PING = "{name: ping, type: evidence, kind: ping, path: /p, auth: {token_file: token}}"
PROM = "{name: prom, type: alertmanager, path: /q, auth: {bearer_file: token}}"
OPEN = "{name: dr, type: doctor, auth: {addresses: [127.0.0.1], i_accept_unauthenticated: true}}"
FREE = "{name: any, type: evidence, path: /f, trust: alone, auth: {bearer_file: token}}"


def file(*sources: str, hosts: str = "{names: a, mode: fence}", more: str = "") -> str:
    return f"sources: [{', '.join(sources)}]\nhosts: [{hosts}]\n{more}"


def needing(text: str) -> str:
    return f"{{names: a, mode: fence, evidence: {{{text}}}}}"


def plan(settings: Settings) -> HostPlan:
    return settings.plans[HostId("default", "a")]


def test_the_shipped_default_is_one_trusted_source_or_two_kinds(read: Reading) -> None:
    assert plan(read(file(AM))).corroboration == Corroboration(
        ages={"am": 300},
        trusts={"am": Trust.ALONE},
        gives={"am": frozenset({"prometheus"})},
    )
    assert Corroboration() == Corroboration(2, math.inf, None, frozenset())


def test_a_group_says_how_much_it_needs(read: Reading) -> None:
    group = needing("kinds: 3, window_s: 60, alone: [am], never_alone: kdump")
    found = plan(read(file(AM, hosts=group))).corroboration
    assert (found.kinds, found.window_s) == (3, 60)
    assert (found.alone, found.never_alone) == (frozenset({"am"}), frozenset({"kdump"}))
    assert plan(read(file(AM, hosts=needing("alone: []")))).corroboration.alone == frozenset()


def test_a9_a_group_says_what_follows_where_nova_compute_alone_is_down(read: Reading) -> None:
    found = plan(read(file(AM))).corroboration
    assert (found.service, found.service_down) == (SERVICES, ServiceDown.NOTIFY)
    group = needing("service_kinds: n, service_down: hold")
    found = plan(read(file(AM, hosts=group))).corroboration
    assert found.service == frozenset({"n"})
    assert found.service_down is ServiceDown.HOLD


def test_a5_a_source_may_count_for_a_shorter_time(read: Reading) -> None:
    short = AM.replace("trust", "max_age_s: 60, trust")
    settings = read(file(short, ZBX))
    assert [source.terms.evidence_age_s for source in settings.sources] == [60, 300]
    assert plan(settings).corroboration.ages == {"am": 60, "zbx": 300}
    longer = AM.replace("trust", "max_age_s: 3000, trust")
    assert plan(read(file(longer))).corroboration.ages == {"am": 300}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kinds: 0", "hosts[0].evidence.kinds: found 0"),
        ("kinds: 9", "hosts[0].evidence.kinds: found 9"),
        ("window_s: 0", "hosts[0].evidence.window_s: found 0"),
        ("alone: [nobody]", "found 'nobody'; expected the name of a source"),
        ("alone: [dr]", "found 'dr'; it has no secret, and so is never enough alone"),
        ("service_down: ignore", "hosts[0].evidence.service_down: found 'ignore'"),
        ("nonsense: 1", "hosts[0].evidence.nonsense: unknown option"),
    ],
)
def test_what_is_wrong_is_named(refused: Refusal, text: str, words: str) -> None:
    assert words in refused(file(AM, OPEN, hosts=needing(text)))


def warned(settings: Settings, words: str) -> list[str]:
    return [one for one in settings.warnings if words in one]


@pytest.mark.parametrize(
    ("sources", "group", "words"),
    [
        ((AM, ZBX), "kinds: 3, alone: []", "3 kinds of evidence are needed, and the sources have"),
        ((AM, ZBX), "kinds: 3, alone: []", "have prometheus, zabbix, so evidence alone never"),
        ((ZBX, PING), "kinds: 3", "evidence alone never fences a"),
        ((PROM, PROM.replace("prom,", "two,").replace("/q", "/r")), "", "2 kinds of evidence"),
        ((AM,), "never_alone: prometheus", "2 kinds of evidence are needed, and the sources have"),
    ],
)
def test_a_group_that_can_never_have_enough_is_warned_of(
    read: Reading, sources: tuple[str, ...], group: str, words: str
) -> None:
    assert len(warned(read(file(*sources, hosts=needing(group))), words)) == 1


@pytest.mark.parametrize(
    ("sources", "group"),
    [
        ((AM,), ""),
        ((AM, ZBX), "kinds: 3"),  # am is enough alone
        ((AM, ZBX), "alone: []"),
        ((ZBX,), "kinds: 1"),
        ((ZBX,), "alone: [zbx]"),
        ((FREE, ZBX), "kinds: 4, alone: []"),  # it may give any kind
        ((OPEN,), "kinds: 3"),  # said of the sources themselves
        ((ZBX,), ""),  # the same
    ],
)
def test_one_that_may_have_is_not(read: Reading, sources: tuple[str, ...], group: str) -> None:
    assert not warned(read(file(*sources, hosts=needing(group))), "evidence alone never fences")


def test_hosts_that_are_not_fenced_need_nothing(read: Reading) -> None:
    group = needing("kinds: 5, alone: []").replace("mode: fence", "mode: notify")
    assert not warned(read(file(AM, hosts=group)), "kinds of evidence are needed")


SPOOFED = "alone has power cut, and its secret comes in plain HTTP"
WIDE = "listen: 0.0.0.0:12345\n"


def test_e1_a_single_source_whose_secret_can_be_read_on_the_way_is_warned_of(
    read: Reading,
) -> None:
    (found,) = warned(read(file(AM, ZBX, OPEN, more=WIDE)), SPOOFED)
    assert found == (
        f"sources: the word of am {SPOOFED}: whoever reads it on the way can have a cut"
    )
    (found,) = warned(read(file(ZBX, hosts=needing("kinds: 1"), more=WIDE)), SPOOFED)
    assert "the word of zbx" in found


@pytest.mark.parametrize(
    ("hosts", "more"),
    [
        ("{names: a, mode: fence}", ""),
        ("{names: a, mode: notify}", WIDE),
        ("{names: a, mode: fence, protected: it is ours}", WIDE),
        (needing("alone: []"), WIDE),
        (needing("never_alone: prometheus"), WIDE),
    ],
)
def test_e1_where_it_cannot_or_cuts_nothing_alone_it_is_not(
    read: Reading, hosts: str, more: str
) -> None:
    assert not warned(read(file(AM, ZBX, hosts=hosts, more=more)), SPOOFED)


def test_of_many_hosts_the_first_are_named(read: Reading) -> None:
    many = needing("kinds: 4, alone: []").replace("names: a", "names: 'c[1-8]'")
    (found,) = warned(read(file(AM, ZBX, hosts=many)), "evidence alone never")
    assert found.endswith("fences c1, c2, c3, c4, c5 and 3 more")


class Plain(BaseModel):
    """A plug-in that says nothing of kinds."""


class Networks(BaseModel):
    """A plug-in that looks over several networks."""

    kind: str = "ping"
    kinds: dict[str, str] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        (Networks(), {"ping"}),
        (Networks(kinds={"storage": "ping-storage"}), {"ping", "ping-storage"}),
        (Plain(), {"its-type"}),
    ],
)
def test_a_source_may_give_several_kinds(config: BaseModel, kinds: set[str]) -> None:
    terms = SourceTerms("s", Trust.SECOND, 300)
    auth = SourceAuth(AuthKind.ADDRESSES)
    source = SourceChoice(
        name="s", kind="its-type", plugin=object, config=config, terms=terms, auth=auth
    )
    assert kinds_of(source) == kinds


def test_e1_the_kinds_of_each_source_are_known_where_it_has_but_some(read: Reading) -> None:
    found = plan(read(file(AM, ZBX, FREE))).corroboration.gives
    assert found == {"am": frozenset({"prometheus"}), "zbx": frozenset({"zabbix"})}


def test_e1_a_source_of_other_hosts_is_none(read: Reading) -> None:
    """One that may not speak of a host neither suffices for it nor can have it cut."""
    own = ZBX.replace("kind: zabbix", "kind: zabbix, trust: alone, hosts: ['b[1-2]', c]")
    hosts = "{names: [a, 'b[1-2]'], mode: fence}"
    settings = read(file(own, hosts=hosts, more="listen: 0.0.0.0:12345"))
    assert settings.sources[0].terms.hosts == frozenset({"b1", "b2", "c"})
    assert warned(settings, "no source may speak of them, so evidence alone never fences") == [
        "hosts: no source may speak of them, so evidence alone never fences a"
    ]
    barred = {host.name: one.corroboration.barred for host, one in settings.plans.items()}
    assert barred == {"a": frozenset({"zbx"}), "b1": frozenset(), "b2": frozenset()}
    (cut,) = warned(settings, "alone has power cut")
    assert cut.endswith("can have b1, b2 cut")
    assert warned(settings, "may speak of no configured") == [
        "sources: zbx may speak of no configured hosts: c"
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (ZBX.replace("kind", "hosts: [], kind"), "sources[0].hosts: "),
        (ZBX.replace("kind", "hosts: 'b[9-1]', kind"), "found 'b[9-1]'; expected 9-1 to ascend"),
        (
            "{name: w, type: answers, projects: all, hosts: a, auth: {bearer_file: token}}",
            "sources[0].hosts: expected no such option: it says nothing of hosts",
        ),
    ],
)
def test_hosts_of_a_source_that_cannot_be(refused: Refusal, source: str, words: str) -> None:
    assert words in refused(file(source))
