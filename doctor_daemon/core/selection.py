"""Which servers of a dead host are moved, and in words why the others are not.

The first rule that has something to say decides. The operator's word comes first, then what Nova
refuses anyway, then what is written on the server by its owner, and only then what is written on
what it was made of. A tag that cannot be read as yes or no says nothing. The table of this order is
in docs/operating.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from doctor_daemon.core.around import TOGETHER
from doctor_daemon.core.host import UNSHOWN, Scope, Selection, Server

HA_ENABLED = "HA_Enabled"
"""Masakari's key for a server's metadata."""
EVACUABLE = "evacuable"
"""instanceha's key, for flavors and aggregates; taken from a server's metadata too."""
HOLD = "doctor-daemon:hold"
"""Our own key: for how many seconds a server is to wait for a word of its project."""
PRIORITY, GROUP = "instanceha:restart_priority", "instanceha:restart_group"
TAG_MAX = 255
"""Characters of a tag's value, as Nova bounds them."""

_OWN = (f"server:{HA_ENABLED}", f"server:{EVACUABLE}")
_INHERITED = (f"flavor:{EVACUABLE}", f"aggregate:{EVACUABLE}")
_TPM = "flavor:hw:tpm_version"
_BARE = ("flavor:resources:VCPU", "flavor:resources:MEMORY_MB")
"""Both 0: the flavor of a bare-metal node, as Ironic has it."""
_KEPT = frozenset(
    (*_OWN, *_INHERITED, _TPM, *_BARE, f"server:{PRIORITY}", f"server:{GROUP}", f"server:{HOLD}")
)
_WORDS = {
    **dict.fromkeys(("true", "1", "t", "on", "y", "yes"), True),
    **dict.fromkeys(("false", "0", "f", "off", "n", "no"), False),
}
"""As OpenStack reads them, in any case."""
_HEX = "[0-9a-f]"
_AMPHORA = re.compile(rf"amphora-{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
"""What Octavia calls its servers: the amphora's own id."""


def kept(
    server: Server, aggregates: Iterable[Mapping[str, str]] | None, selection: Selection
) -> Server:
    """Return a server with those of its tags that decide anything, its host's aggregates' too."""
    marked = {f"server:{word.partition('=')[0]}" for word in selection.service_metadata}
    wanted = _KEPT | marked
    tags = {key: text[:TAG_MAX] for key, text in server.tags.items() if key in wanted}
    words = [_WORDS.get(one.get(EVACUABLE, "").strip().lower()) for one in aggregates or ()]
    if True in words or False in words:
        tags[f"aggregate:{EVACUABLE}"] = str(True in words)  # one that says yes is enough
    return replace(server, tags=tags)


def bare(server: Server) -> Server:
    """Return a server without its tags, for where nobody asks for them."""
    return replace(server, tags={}, unread="") if server.tags or server.unread else server


def unread(
    servers: Iterable[Server],
    aggregates: Iterable[Mapping[str, str]] | None,
    selection: Selection,
) -> str:
    """Say which tags are needed and were not shown; empty: none.

    Where everything is moved they are needed too: one that says no may be among them. But a Nova
    that shows no tags of flavors at all will never do so: there, they count for nothing.
    """
    if selection.scope is Scope.NONE:
        return ""
    if aggregates is None and selection.scope is Scope.TAGGED:
        return "the aggregates of its host were not asked for"
    bearable = ("", UNSHOWN) if selection.scope is Scope.ALL else ("",)
    return next((f"{one.id}: {one.unread}" for one in servers if one.unread not in bearable), "")


def unshown(servers: Iterable[Server]) -> str:
    """Say which tags count for nothing because this Nova has no way to show them; empty: none."""
    if not any(server.unread == UNSHOWN for server in servers):
        return ""
    return f"{UNSHOWN}: what this cloud's flavors say counts for nothing"


def stays(server: Server, selection: Selection) -> str:
    """Say why a server is not to be moved; empty: it is."""
    for rule in _RULES:
        why = rule(server, selection)
        if why:
            return why
    return ""


def _nothing(_: Server, selection: Selection) -> str:
    return (
        "nothing is moved from its host (evacuate: none)" if selection.scope is Scope.NONE else ""
    )


def _unmovable(server: Server, _: Selection) -> str:
    """Name what Nova refuses, or what would fail where it goes."""
    if _TPM in server.tags:
        return "it has a virtual TPM, and Nova refuses to move one"
    if all(server.tags.get(key) == "0" for key in _BARE):
        return "it is a bare-metal node, which cannot be rebuilt elsewhere"
    group = server.tags.get(TOGETHER)
    if group is not None:
        return f"its group {group} (affinity) keeps it on its host, and Nova finds no other one"
    return ""


def _service(server: Server, selection: Selection) -> str:
    """Name the service that sees to its servers itself."""
    if server.project in selection.service_projects:
        return f"its project {server.project} is one of service_projects"
    for word in selection.service_metadata:
        key, _, value = word.partition("=")
        found = server.tags.get(f"server:{key}")
        if found is not None and value in ("", found):
            return f"its metadata says {word}, which is one of service_metadata"
    return ""


def _locked(server: Server, selection: Selection) -> str:
    return "it is locked" if server.locked and not selection.locked else ""


def _unwanted(server: Server, selection: Selection) -> str:
    """Say what is written on it that has it stay, or that nothing has it move."""
    own, where = _said(server, _OWN)
    if own is None and _AMPHORA.fullmatch(server.name) and not selection.amphorae:
        return "it is an amphora, which Octavia replaces itself"
    if own is None:
        own, where = _said(server, _INHERITED)
    if own is False:
        return f"{where} has it stay"
    if own is None and selection.scope is Scope.TAGGED:
        return "only what is tagged is moved, and no tag of it, its flavor or its host says so"
    return ""


def _disk(server: Server, selection: Selection) -> str:
    """Tell whether it would be made anew from its image, without what was on its disk."""
    if server.volume or selection.shared_storage or selection.lost_disks:
        return ""
    return "its disk may be on its host alone (shared_storage is not declared), and would be lost"


def _said(server: Server, tags: Iterable[str]) -> tuple[bool | None, str]:
    """Return what the first tag says that can be read, and which one it is."""
    for tag in tags:
        word = _WORDS.get(server.tags.get(tag, "").strip().lower())
        if word is not None:
            return word, f"{tag.replace(':', ' ', 1)}={server.tags[tag]}"
    return None, ""


_RULES: tuple[Callable[[Server, Selection], str], ...] = (
    _nothing,
    _unmovable,
    _service,
    _locked,
    _unwanted,
    _disk,
)
"""In the order in which they are asked."""
