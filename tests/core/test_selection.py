"""Which servers are moved: the rules, in the order in which they are asked."""

from dataclasses import replace

import pytest

from doctor_daemon.core.host import UNSHOWN, Scope, Selection, Server
from doctor_daemon.core.selection import bare, kept, stays, unread, unshown
from tests.core.make import Fields
from tests.core.moving import guest

ALL, TAGGED, NONE = Scope.ALL, Scope.TAGGED, Scope.NONE
AMPHORA = "amphora-0a8c2f6e-1111-4222-8333-444455556666"
NOTHING = "nothing is moved from its host (evacuate: none)"
TPM = "it has a virtual TPM, and Nova refuses to move one"
BARE = "it is a bare-metal node, which cannot be rebuilt elsewhere"
UNTAGGED = "only what is tagged is moved, and no tag of it, its flavor or its host says so"
OCTAVIA = "it is an amphora, which Octavia replaces itself"
LOST = "its disk may be on its host alone (shared_storage is not declared), and would be lost"
HA, OWN = "server:HA_Enabled", "server:evacuable"
FLAVOR, HOST = "flavor:evacuable", "aggregate:evacuable"


def wanted(scope: Scope = ALL, **changes: Fields) -> Selection:
    return replace(Selection(scope, shared_storage=True), **changes)


def with_tags(*said: str, **changes: Fields) -> Server:
    """Make a server by `key=value`."""
    return guest("web", tags=dict(text.split("=", 1) for text in said), **changes)


def test_by_default_what_boots_from_a_volume_is_moved_and_nothing_is_needed_for_it() -> None:
    assert stays(guest("web", volume=True), Selection()) == ""


@pytest.mark.parametrize("volume", [False, None])
def test_c13_trap_18_a_local_disk_stays_unless_the_operator_has_said_more(
    volume: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    server = guest("web", volume=volume)
    assert stays(server, Selection()) == LOST
    assert stays(server, Selection(shared_storage=True)) == ""
    assert stays(server, Selection(lost_disks=True)) == ""
    assert stays(replace(server, tags={HA: "True"}), Selection()) == LOST


def test_none_means_nothing_whatever_is_written() -> None:
    assert stays(with_tags(f"{HA}=True", volume=True), wanted(NONE)) == NOTHING


@pytest.mark.parametrize(
    ("said", "everything", "only_tagged"),
    [
        ((), "", UNTAGGED),
        ((f"{HA}=True",), "", ""),
        (
            (f"{HA}=False",),
            "server HA_Enabled=False has it stay",
            "server HA_Enabled=False has it stay",
        ),
        ((f"{OWN}=true",), "", ""),
        ((f"{OWN}=no",), "server evacuable=no has it stay", "server evacuable=no has it stay"),
        ((f"{HA}= tRUE ",), "", ""),
        ((f"{HA}=perhaps",), "", UNTAGGED),
        ((f"{HA}=",), "", UNTAGGED),
        ((f"{HA}=perhaps", f"{OWN}=1"), "", ""),
        ((f"{HA}=True", f"{OWN}=false"), "", ""),
        (
            (f"{HA}=0", f"{OWN}=true"),
            "server HA_Enabled=0 has it stay",
            "server HA_Enabled=0 has it stay",
        ),
        ((f"{FLAVOR}=true",), "", ""),
        (
            (f"{FLAVOR}=false",),
            "flavor evacuable=false has it stay",
            "flavor evacuable=false has it stay",
        ),
        ((f"{HA}=True", f"{FLAVOR}=false"), "", ""),
        (
            (f"{HA}=off", f"{FLAVOR}=true"),
            "server HA_Enabled=off has it stay",
            "server HA_Enabled=off has it stay",
        ),
        ((f"{HOST}=True",), "", ""),
        (
            (f"{HOST}=False",),
            "aggregate evacuable=False has it stay",
            "aggregate evacuable=False has it stay",
        ),
        ((f"{FLAVOR}=true", f"{HOST}=False"), "", ""),
        (
            (f"{FLAVOR}=f", f"{HOST}=True"),
            "flavor evacuable=f has it stay",
            "flavor evacuable=f has it stay",
        ),
    ],
)
def test_the_nearest_tag_that_can_be_read_decides(
    said: tuple[str, ...], everything: str, only_tagged: str
) -> None:
    assert stays(with_tags(*said), wanted(ALL)) == everything
    assert stays(with_tags(*said), wanted(TAGGED)) == only_tagged


@pytest.mark.parametrize(
    ("name", "said", "moved", "why"),
    [
        (AMPHORA, (), False, OCTAVIA),
        (AMPHORA, (), True, ""),
        (AMPHORA, (f"{HA}=True",), False, ""),
        (AMPHORA, (f"{HA}=False",), True, "server HA_Enabled=False has it stay"),
        (AMPHORA, (f"{FLAVOR}=true",), False, OCTAVIA),
        (AMPHORA + "0", (), False, ""),
        ("amphora-web", (), False, ""),
        ("x" + AMPHORA, (), False, ""),
    ],
)
def test_an_amphora_is_octavias_unless_its_owner_or_the_operator_says_otherwise(
    name: str,
    said: tuple[str, ...],
    moved: bool,  # noqa: FBT001 - a column of the table
    why: str,
) -> None:
    server = replace(with_tags(*said), name=name)
    assert stays(server, wanted(amphorae=moved)) == why


def test_service_projects_stay_whatever_their_tags_say() -> None:
    server = with_tags(f"{HA}=True")
    assert stays(server, wanted(service_projects=("blue",))) == (
        "its project blue is one of service_projects"
    )
    assert stays(server, wanted(service_projects=("red",))) == ""


@pytest.mark.parametrize(
    ("word", "value", "stay"),
    [
        ("role", "", True),
        ("role", "any", True),
        ("role=lb", "lb", True),
        ("role=lb", "lbs", False),
        ("role=", "", True),
        ("role=a=b", "a=b", True),
        ("rolf", "lb", False),
    ],
)
def test_service_metadata_is_a_key_or_a_key_and_its_value(
    word: str,
    value: str,
    stay: bool,  # noqa: FBT001 - a column of the table
) -> None:
    selection = wanted(service_metadata=("other", word))
    server = kept(with_tags(f"server:role={value}", f"{HA}=True"), (), selection)
    why = f"its metadata says {word}, which is one of service_metadata" if stay else ""
    assert stays(server, selection) == why


def test_locked_servers_are_moved_unless_the_operator_says_otherwise() -> None:
    locked = guest("web", locked=True)
    assert stays(locked, wanted()) == ""
    assert stays(locked, wanted(locked=False)) == "it is locked"
    assert stays(guest("web"), wanted(locked=False)) == ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("flavor:hw:tpm_version=2.0",), TPM),
        (("flavor:resources:VCPU=0", "flavor:resources:MEMORY_MB=0"), BARE),
        (("flavor:resources:VCPU=0",), ""),
        (("flavor:resources:VCPU=0", "flavor:resources:MEMORY_MB=64"), ""),
        (("flavor:resources:MEMORY_MB=0",), ""),
    ],
)
def test_trap_19_what_nova_cannot_move_is_not_asked_for(said: tuple[str, ...], why: str) -> None:
    assert stays(with_tags(*said, f"{HA}=True"), wanted()) == why


def test_the_first_rule_that_has_something_to_say_decides() -> None:
    everything = with_tags(f"{HA}=False", "flavor:hw:tpm_version=2.0", locked=True)
    selection = Selection(NONE, locked=False, service_projects=("blue",))
    expected = [
        NOTHING,
        TPM,
        "its project blue is one of service_projects",
        "it is locked",
        "server HA_Enabled=False has it stay",
        LOST,
        "",
    ]
    found = [stays(everything, selection)]
    selection = replace(selection, scope=ALL)
    found.append(stays(everything, selection))
    everything = replace(everything, tags={HA: "False"})
    found.append(stays(everything, selection))
    selection = replace(selection, service_projects=())
    found.append(stays(everything, selection))
    everything = replace(everything, locked=False)
    found.append(stays(everything, selection))
    everything = replace(everything, tags={})
    found.append(stays(everything, selection))
    found.append(stays(everything, replace(selection, shared_storage=True)))
    assert found == expected


# what is kept of what is written


def test_only_tags_that_decide_anything_are_kept() -> None:
    server = with_tags(
        f"{HA}=True",
        "server:instanceha:restart_priority=9",
        "server:instanceha:restart_group=db",
        "server:secret=plan",
        "flavor:hw:tpm_version=2.0",
        "flavor:hw:cpu_policy=dedicated",
        "server:role=lb",
    )
    selection = wanted(service_metadata=("role=web",))
    assert kept(server, None, selection).tags == {
        HA: "True",
        "server:instanceha:restart_priority": "9",
        "server:instanceha:restart_group": "db",
        "flavor:hw:tpm_version": "2.0",
        "server:role": "lb",
    }
    assert "server:role" not in kept(server, None, wanted()).tags


def test_a_tag_is_no_longer_than_nova_lets_it_be() -> None:
    server = with_tags(f"{HA}={'x' * 300}")
    assert kept(server, None, wanted()).tags == {HA: "x" * 255}


@pytest.mark.parametrize(
    ("aggregates", "word"),
    [
        (None, None),
        ((), None),
        (({"rack": "7"},), None),
        (({"evacuable": "perhaps"},), None),
        (({"evacuable": " TRUE"},), "True"),
        (({"evacuable": "false"},), "False"),
        (({"evacuable": "false"}, {"rack": "7"}, {"evacuable": "true"}), "True"),
    ],
)
def test_one_aggregate_that_says_yes_is_enough(
    aggregates: tuple[dict[str, str], ...] | None, word: str | None
) -> None:
    found = kept(guest("web"), aggregates, wanted()).tags
    assert found == ({} if word is None else {HOST: word})


def test_where_nobody_asks_for_tags_none_are_kept() -> None:
    plain = guest("web", locked=True, volume=True)
    assert bare(plain) is plain
    assert bare(replace(plain, tags={HA: "True"})) == plain
    assert bare(replace(plain, unread="its flavor's tags")) == plain


def test_a_tag_that_is_not_shown_is_neither_yes_nor_no() -> None:
    servers = (guest("db"), guest("web", unread="Nova does not show its flavor's tags"))
    why = "id-web: Nova does not show its flavor's tags"
    assert unread(servers, (), wanted(TAGGED)) == why
    assert unread(servers[:1], (), wanted(TAGGED)) == ""
    assert unread(servers, None, wanted(TAGGED)) == (
        "the aggregates of its host were not asked for"
    )
    assert unread(servers, None, wanted(NONE)) == ""


def test_where_everything_is_moved_tags_that_nova_never_shows_count_for_nothing() -> None:
    servers = (guest("db"), guest("web", unread=UNSHOWN))
    assert unread(servers, None, wanted(ALL)) == ""
    assert unread(servers, (), wanted(TAGGED)) == f"id-web: {UNSHOWN}"
    assert unshown(servers) == f"{UNSHOWN}: what this cloud's flavors say counts for nothing"
    assert unshown(servers[:1]) == ""


def test_where_everything_is_moved_a_tag_that_is_not_shown_may_say_no() -> None:
    servers = (guest("db"), guest("web", unread="Nova does not show its metadata"))
    why = "id-web: Nova does not show its metadata"
    assert unread(servers, None, wanted(ALL)) == unread(servers, (), wanted(ALL)) == why
    assert unread(servers[:1], None, wanted(ALL)) == ""
