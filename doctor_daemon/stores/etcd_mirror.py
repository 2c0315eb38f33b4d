"""What is in etcd, followed by a daemon that stands by, so that it can take over at once.

It reads everything at one revision and then hears of every change from there on. What it has is
whole as long as each transaction of the leader has come: the mark is written in each of them, and
etcd counts how often. Where one is missing, as with an etcd that has compacted what was not told
yet, all is read anew. Nothing is heard for a while in quiet times, or of a peer that is gone
without a word; so the mark is read, and whoever is behind it goes to another endpoint.

Values are read as they come. They are put together when somebody asks, if anything has changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import unquote

import structlog

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, number, records
from doctor_daemon.stores.etcd_loading import AGAIN_S, after, counted, load_past, rows
from doctor_daemon.stores.etcd_meaning import Compacted, TooLong
from doctor_daemon.stores.etcd_mirrored import Mirrored
from doctor_daemon.stores.etcd_past import Past
from doctor_daemon.stores.etcd_past import read as read_over
from doctor_daemon.stores.etcd_putting import Putting, read
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_schema import check_schema
from doctor_daemon.stores.etcd_stream import Stream
from doctor_daemon.stores.etcd_transactions import first
from doctor_daemon.stores.etcd_values import AUDIT, DAEMONS, PAST, SCHEMA, WORD
from doctor_daemon.stores.etcd_watch import Gap, Heard, heard, watched

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
CHECK_S = 1.0
"""After so long without a word the mark is read."""
PAUSE_S = 1.0
"""Before all is read anew."""
BREATHER = 50
"""After so many rows that were read everybody else has his turn."""
WAIT_S = 2.0
"""How long whoever takes over waits for the last changes. Then he reads everything anew."""
NOT_DATA = ("schema", "term", "leader", WORD)


class Mirror:
    """What is below a prefix, as far as it has been heard of."""

    def __init__(self, gateway: Gateway, prefix: str, schema: int = SCHEMA) -> None:
        """Begin nothing yet."""
        self.gone: Callable[[], None] = lambda: None
        """Called when the leader's key has gone, or may have unheard of."""
        self.told: Callable[[], None] = lambda: None
        """Called when it has become whole, or is no more, or has some trouble, or none."""
        self.trouble = ""
        self.reads = 0
        """How often everything has been read."""
        self._gateway, self._prefix, self._schema = gateway, prefix, schema
        self._mirrored = Mirrored(prefix, schema)
        self._revision, self._marks, self._past_known = 0, 0, False
        self._past, self._late = Past(), dict[str, bytes | None]()
        self._loaded: Loaded | None = None
        self._edits = 0
        self._building = asyncio.Lock()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing has to be read to take over, and all of it can be."""
        return self._revision > 0 and self._past_known and not self.lacking

    @property
    def lacking(self) -> str:
        """Why it cannot be taken over as it is; empty, too, while it is being read."""
        return self.trouble or self._mirrored.lacking

    @property
    def past(self) -> Past | None:
        """What is over; nothing while it has not been read."""
        return self._past if self._past_known else None

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._run(), name="etcd-mirror")

    async def stop(self) -> None:
        """Follow no more."""
        tasks = [one for one in (self._task, self._reading) if one is not None]
        self._task = self._reading = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def loaded(self) -> Loaded:
        """Return it as the store has it. Raise Temporary while it is not known yet.

        Raise Permanent for what cannot be read.
        """
        async with self._building:
            if self._loaded is not None:
                return self._loaded
            if not self._revision:
                raise Temporary(self.trouble or "etcd: what is there has not been read yet")
            edits, built = self._edits, await self._built()
            if edits == self._edits:
                self._loaded = built
            return built

    async def taken(self, revision: int) -> Loaded | None:
        """Return all there is at our own claim, or nothing if uncertain, and follow no more."""
        found: Loaded | None = None
        with suppress(TimeoutError, Temporary):
            async with asyncio.timeout(WAIT_S if self._revision else 0):
                while self._at("term") < revision:
                    self._changed.clear()
                    await self._changed.wait()
                ours = sum(not key.startswith((DAEMONS, "leader")) for key in self._mirrored.rows)
                if await counted(self._gateway, self._prefix) == (self._at("mark"), ours):
                    found = await self.loaded()
        await self.stop()
        if found is None or not self._past_known:
            self._past_known, self._past = False, Past()
        if found is not None:
            found.past = self._past
        return found

    def _at(self, key: str) -> int:
        row = self._mirrored.rows.get(key)
        return row[1] if row and self._revision else 0

    async def _built(self) -> Loaded:
        """Put it together, as it is now."""
        putting, past = Putting(), self._past
        for count, (key, (value, at, found)) in enumerate(sorted(self._mirrored.rows.items())):
            if found is None:
                read(key, value)  # it says why it cannot be read
            putting.put(key, found, at)
            if count % BREATHER == BREATHER - 1:
                await asyncio.sleep(0)
        loaded = putting.whole()
        loaded.past = past
        return loaded

    # following

    async def _run(self) -> None:
        while True:
            pause_s = AGAIN_S
            try:
                if not self._revision:
                    await self._read()
                await self._follow()
            except (Gap, Compacted, TooLong) as error:
                log.info("what is in etcd is read anew", why=str(error))
                self._forget()
            except Temporary as error:
                self.trouble = str(error)
            except Exception as error:  # noqa: BLE001 - a bug, too, must not end it unsaid
                why = str(error) if isinstance(error, DoctorError) else f"a bug: {error!r}"
                if self.trouble != why:
                    log.warning("what is in etcd cannot be followed", error=why)
                self.trouble, pause_s = why, PAUSE_S
                self._forget()
            self.gone()
            self.told()
            await asyncio.sleep(pause_s)

    def _forget(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._revision, self._past_known = 0, False
        self._edited()

    def _edited(self) -> None:
        self._loaded, self._edits = None, self._edits + 1

    async def _read(self) -> None:
        """Read everything as it is at one revision; what is over behind it."""
        self.reads += 1
        both = [{"request_range": {"key": self._key(name)}} for name in ("mark", "schema")]
        answer = await self._gateway.call("kv/txn", {"success": both})
        mark, revision = first(answer, 0), number(answer["header"], "revision")
        check_schema(first(answer, 1), self._prefix, self._schema)
        found = Mirrored(self._prefix, self._schema)
        for some in (("", AUDIT), (after(AUDIT), PAST)):
            async for key, value, at in rows(self._gateway, self._prefix, some, revision):
                found.put(key, value, at)
                if len(found.rows) % BREATHER == 0:
                    await asyncio.sleep(0)
        self._mirrored, self._past, self._late = found, Past(), {}
        self._marks = number(mark, "version")
        self._revision = revision
        self._edited()
        self._changed.set()
        self._reading = asyncio.create_task(self._read_past(self._past), name="etcd-mirror-past")

    async def _read_past(self, past: Past) -> None:
        """Read what is over, and take what has changed meanwhile."""
        while True:
            try:
                await load_past(self._gateway, self._prefix, past)
                break
            except DoctorError as error:
                log.warning("incidents that are over have not been read", error=str(error))
                await asyncio.sleep(PAUSE_S)
        late, self._late = self._late, {}
        self._past_known = True
        for key, value in late.items():
            self._put_past(key, value)
        self.told()

    async def _follow(self) -> None:
        stream = await watched(self._gateway, self._prefix, self._revision + 1)
        self.trouble, expected, waiting = "", 0, list[Heard]()
        self.told()
        try:
            while True:
                try:
                    async with asyncio.timeout(CHECK_S):
                        word = await stream.next()
                except TimeoutError:
                    expected = await self._checked(expected, stream)
                    continue
                if (some := heard(word, self._prefix, waiting)) is not None:
                    self.take(some)
        finally:
            stream.close()

    async def _checked(self, expected: int, stream: Stream) -> int:
        """Read the mark. Raise Temporary if what it was the last time has not come since."""
        if self._at("mark") < expected:
            self._gateway.silent(stream)
            raise Temporary("etcd: changes do not come")
        answer = await self._gateway.call("kv/range", {"key": self._key("mark")})
        found = records(answer, "kvs")
        newest = number(found[0], "mod_revision") if found else 0
        if newest == self._at("mark"):  # so nothing of the state has changed up to now
            self._revision = max(self._revision, number(answer["header"], "revision"))
        return newest

    # what is heard

    def take(self, some: Sequence[Heard]) -> None:
        """Take all that one revision has changed, or several. Raise Gap if one is missing."""
        by_revision: dict[int, list[Heard]] = {}
        for one in some:
            by_revision.setdefault(one.revision, []).append(one)
        for revision, changes in by_revision.items():
            self._check_chain(changes)
            for one in changes:
                self._put(one)
            self._revision = max(self._revision, revision)
        self._changed.set()

    def _check_chain(self, changes: Sequence[Heard]) -> None:
        if all(one.key in NOT_DATA or one.key.startswith(DAEMONS) for one in changes):
            return
        (mark,) = [one.put for one in changes if one.key == "mark" and one.put] or (None,)
        if mark is None or mark.version != self._marks + 1:
            raise Gap("a change was missed, or somebody else has written")
        self._marks = mark.version

    def _put(self, one: Heard) -> None:
        if one.key.startswith(AUDIT):
            return  # it is read where it is, when somebody asks
        if one.key.startswith(PAST):
            self._put_past(one.key, one.put.value if one.put else None)
        elif one.put is not None:
            self._mirrored.put(one.key, one.put.value, one.revision)
        else:
            self._mirrored.drop(one.key)
            if one.key == "leader":
                self.gone()
        if one.key not in NOT_DATA and not one.key.startswith(DAEMONS):
            self._edited()

    def _put_past(self, key: str, value: bytes | None) -> None:
        if not self._past_known:
            self._late[key] = value
            return
        id_ = IncidentId(unquote(key.removeprefix(PAST), errors="surrogatepass"))
        self._past.drop(id_)
        if value is not None:
            with suppress(Permanent):  # as when all is read: it is left out
                self._past.add((read_over(value),))

    def _key(self, name: str) -> str:
        return coded(f"{self._prefix}{name}".encode())
