"""Sources: who may speak about hosts, how they prove who they are, and what their word weighs."""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.config.auth import Auth
from doctor_daemon.config.kinds import SILENT
from doctor_daemon.config.limits import KIB, SourceLimits
from doctor_daemon.config.models import Source
from doctor_daemon.config.patterns import expand
from doctor_daemon.config.problems import Document, Loc, Problems
from doctor_daemon.config.sections import Chooser, salvaged
from doctor_daemon.config.settings import AuthKind, Choice, SourceAuth, SourceChoice
from doctor_daemon.core.evidence import Trust
from doctor_daemon.plugins import INSPECTORS
from doctor_daemon.ports import SourceTerms


class SourceReader:
    """Reads the entries under `sources`, and notes what is wrong with them."""

    def __init__(self, document: Document, problems: Problems, chooser: Chooser) -> None:
        """Read from a document; `chooser` finds the classes of inspectors."""
        self._document = document
        self._problems = problems
        self._chooser = chooser
        self._served: set[str] = set()

    def read(self, evidence_age_s: float) -> Iterator[SourceChoice]:
        """Yield the sources that are right. `evidence_age_s`: the longest that any word counts."""
        for loc, item in self._document.items("sources"):
            choice = self._chooser.choose(INSPECTORS, Source, loc, item)
            source = salvaged(Source, item, self._chooser.folder)
            if source is None:
                continue
            if source.auth is not None:
                self._chooser.keep(source.auth, (*loc, "auth"))
            served = choice is None or getattr(choice.plugin, "served", True)
            auth = self._auth(source.auth, (*loc, "auth"), served=served)
            if auth is None:
                continue
            trust = self._trust(source, auth, loc)
            if not served and source.limits != SourceLimits():
                self._note((*loc, "limits"), "expected no such option: this source looks by itself")
            hosts = self._hosts(source, loc, silent=choice is not None and choice.kind in SILENT)
            if choice is not None:
                age_s = min(source.max_age_s or evidence_age_s, evidence_age_s)
                if served:
                    self._path(choice, loc)
                yield SourceChoice(
                    name=source.name,
                    kind=choice.kind,
                    plugin=choice.plugin,
                    config=choice.config,
                    terms=SourceTerms(
                        source.name,
                        trust,
                        age_s,
                        body_max=source.limits.body_max_kib * KIB,
                        rate_per_s=source.limits.rate_per_s,
                        burst=source.limits.burst,
                        hosts=hosts,
                    ),
                    auth=auth,
                )

    def _note(self, loc: Loc, text: str) -> None:
        self._problems.add(self._document, loc, text)

    def _path(self, choice: Choice, loc: Loc) -> None:
        """Note a path of the listener that is another source's: its secret would be the wrong one.

        Without a path of its own a source serves what its type does by default.
        """
        path = getattr(choice.config, "path", None) or f"the default of {choice.kind}"
        if path in self._served:
            self._note((*loc, "path"), f"found {path} again; expected one of its own")
        self._served.add(path)

    def _auth(self, auth: Auth | None, loc: Loc, *, served: bool) -> SourceAuth | None:
        if not served:
            if auth is not None:
                self._note(loc, "expected no such option: this source looks by itself")
            return SourceAuth(AuthKind.NOBODY)
        if auth is None:
            self._note(loc, "missing; expected: how it proves who it is")
            return None
        return self._told(auth, loc)

    def _told(self, auth: Auth, loc: Loc) -> SourceAuth | None:
        """Return how a source that is told by HTTP is authenticated."""
        wrong = list(auth.wrong())
        for option, text in wrong:
            self._note((*loc, option) if option else loc, text)
        return None if any(not option for option, _ in wrong) else auth.made()

    def _hosts(self, source: Source, loc: Loc, *, silent: bool) -> frozenset[str] | None:
        """Return the names of the hosts that a source may speak of; None: all."""
        if source.hosts and silent:
            self._note((*loc, "hosts"), "expected no such option: it says nothing of hosts")
        found: set[str] = set()
        for pattern in source.hosts or ():
            try:
                found |= {named.host for named in expand(pattern)}
            except ValueError as error:
                self._note((*loc, "hosts"), f"found {pattern!r}; {error}")
        return frozenset(found) if source.hosts else None

    def _trust(self, source: Source, auth: SourceAuth, loc: Loc) -> Trust:
        if auth.kind is not AuthKind.ADDRESSES:
            return Trust(source.trust)
        if source.trust == "alone":
            text = "found 'alone'; expected 'second': without a secret a word is never enough"
            self._note((*loc, "trust"), text)
        return Trust.OPEN
