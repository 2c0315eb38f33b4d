"""Which kinds of evidence the sources can give, and whether that can ever be enough, or too little.

What is said here is said of a file alone: whether a source is up, nobody knows before it speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from doctor_daemon.config.corroboration import Evidence
from doctor_daemon.config.settings import AuthKind, SourceChoice
from doctor_daemon.core.corroboration import SHIPPED, Corroboration
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostPlan, Mode

SILENT = frozenset({"answers", "nova_notifications"})
"""The types of sources that say nothing of hosts."""
_SECRET = (AuthKind.BEARER, AuthKind.TOKEN, AuthKind.KEYSTONE)
"""What whoever reads it on the way can send himself."""
NAMED_MAX = 5


def misnamed(entry: Evidence, sources: Iterable[SourceChoice]) -> Iterator[tuple[str, str]]:
    """Yield option and text of what a group says of sources that are not so."""
    known = {source.name: source for source in sources}
    for name in entry.alone or ():
        if name not in known:
            yield "alone", f"found {name!r}; expected the name of a source"
        elif known[name].terms.trust is Trust.OPEN:
            yield "alone", f"found {name!r}; it has no secret, and so is never enough alone"


def kinds_of(source: SourceChoice) -> frozenset[str]:
    """Return the kinds of evidence that a source can give; none: any that it likes.

    A plug-in says so by its option `kind`, and by `kinds` where it has more, for whatever each is
    of; without either it is of its type's kind.
    """
    kind = getattr(source.config, "kind", source.kind)
    if kind is None:
        return frozenset()
    more = getattr(source.config, "kinds", None)
    several = more.values() if isinstance(more, Mapping) else ()
    return frozenset({str(kind), *map(str, several)})


def given(sources: Iterable[SourceChoice]) -> Mapping[str, frozenset[str]]:
    """Return which kinds each source may give, of those that say so by their options."""
    return {one.name: kinds_of(one) for one in sources if getattr(one.config, "kind", None)}


def speaks_of(source: SourceChoice, plan: HostPlan) -> bool:
    """Tell whether a source may speak of a host."""
    return source.terms.hosts is None or plan.host.name in source.terms.hosts


def strangers(plans: Iterable[HostPlan], sources: Iterable[SourceChoice]) -> Iterator[str]:
    """Warn of hosts that a source may speak of, and that there are not."""
    known = {plan.host.name for plan in plans}
    for source in sources:
        unknown = sorted((source.terms.hosts or frozenset()) - known)
        if unknown:
            yield f"sources: {source.name} may speak of no configured hosts: {_some(unknown)}"


def unreachable(plans: Iterable[HostPlan], sources: Sequence[SourceChoice]) -> Iterator[str]:
    """Warn of hosts that no evidence can ever be enough for."""
    speaking = [source for source in sources if source.kind not in SILENT]
    found: dict[str, list[str]] = {}
    for plan in plans:
        heard = [source for source in speaking if speaks_of(source, plan)]
        why = _short(plan.corroboration, heard) if plan.mode >= Mode.FENCE else ""
        if speaking and not heard:
            why = "no source may speak of them"
        if why:
            found.setdefault(why, []).append(str(plan.host))
    for why, hosts in found.items():
        yield f"hosts: {why}, so evidence alone never fences {_some(hosts)}"


def _short(need: Corroboration, sources: Sequence[SourceChoice]) -> str:
    """Say why no evidence is ever enough; empty: it may be, or another warning says so already."""
    kinds = [kinds_of(source) for source in sources]
    secret = [source.terms.trust is not Trust.OPEN for source in sources]
    plain = (need.kinds, need.alone, need.never_alone) == (
        *(SHIPPED.kinds, SHIPPED.alone, SHIPPED.never_alone),
    )
    if not any(secret) or (plain and len(sources) == 1):
        return ""  # said of the sources themselves
    if not all(kinds) or any(_sufficient(source, need) for source in sources):
        return ""
    different = frozenset().union(*kinds)
    least = max(need.kinds, 2 if different <= need.never_alone and len(different) == 1 else 1)
    if len(different) >= least:
        return ""
    return f"{least} kinds of evidence are needed, and the sources have {_listed(different)}"


def _sufficient(source: SourceChoice, need: Corroboration) -> bool:
    """Tell whether a source's word alone is enough."""
    if source.terms.trust is Trust.OPEN or kinds_of(source) <= need.never_alone != frozenset():
        return False
    if need.alone is None:
        return source.terms.trust is Trust.ALONE or need.kinds == 1
    return source.name in need.alone or need.kinds == 1


def spoofable(
    plans: Iterable[HostPlan], sources: Sequence[SourceChoice], *, hidden: bool
) -> Iterator[str]:
    """Warn of single sources that can have power cut and whose secret can be read on the way."""
    if hidden:
        return
    hosts = [plan for plan in plans if plan.mode >= Mode.FENCE and not plan.protected]
    for source in sources:
        if source.kind in SILENT or source.auth.kind not in _SECRET:
            continue
        heard = [plan for plan in hosts if speaks_of(source, plan)]
        cut = [str(plan.host) for plan in heard if _sufficient(source, plan.corroboration)]
        if cut:
            yield (
                f"sources: the word of {source.name} alone has power cut, and its secret comes in "
                f"plain HTTP: whoever reads it on the way can have {_some(cut)} cut"
            )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds)) or "none"
