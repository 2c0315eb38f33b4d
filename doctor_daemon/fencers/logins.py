"""Which password a device is given: the one that it took last, else the next; and none too often.

A device locks a user out who is refused again and again, and that while its password is changed
everywhere is the worst moment for it. So a password that was refused rests, longer each time, until
it or its file has changed. (Two may be configured: the device changes over at its own moment.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.time import Clock

REST_S = 5.0
REST_MAX_S = 300.0
FAILURES_FREE = 3
"""So many failures in a row that may be refused logins, and may be anything else."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A password that was refused so often, and lately then."""

    times: int
    at: Instant

    def rests_s(self, now: Instant) -> float:
        """Return how long it is still not to be shown."""
        return min(REST_S * 2.0 ** (self.times - 1), REST_MAX_S) - now.since(self.at)


class LoginsRest(Permanent):
    """All that was read was refused, and rests."""


class Logins:
    """The passwords of one device, from the files that may hold them."""

    def __init__(self, files: Sequence[SecretFile], clock: Clock) -> None:
        """Read nothing yet."""
        self._files = files
        self._clock = clock
        self._refused: dict[str, Refusal] = {}
        self._taken = ""

    def passwords(self) -> Sequence[str]:
        """Return what may be tried now, the likeliest first.

        Raise Permanent if no file can be read, LoginsRest if all that is in them was refused.
        """
        found = tuple(dict.fromkeys(self._read()))
        self._refused = {text: self._refused[text] for text in found if text in self._refused}
        now = self._clock.now()
        rests = {
            text: refusal.rests_s(now) if (refusal := self._refused.get(text)) else 0.0
            for text in found
        }
        ready = [text for text in found if rests[text] <= 0]
        if not ready:
            msg = f"it has refused the login; {_left_alone(min(rests.values()))}"
            raise LoginsRest(msg)
        return sorted(ready, key=lambda text: text != self._taken)

    def taken(self, password: str) -> None:
        """Note that the device has let us in."""
        self._taken = password
        self._refused.pop(password, None)

    def refused(self, password: str) -> None:
        """Note that it has not."""
        before = self._refused.get(password)
        self._refused[password] = Refusal((before.times if before else 0) + 1, self._clock.now())

    def _read(self) -> Sequence[str]:
        """Read the files. One of two may be absent: while a password is changed, it often is."""
        found, wrong = [], ""
        for file in self._files:
            try:
                found.append(file.read())
            except ConfigError as error:
                wrong = wrong or str(error)
        if not found:
            msg = f"password_file: {wrong}"
            raise Permanent(msg)
        return found


class Rest:
    """Keeps a device that fails from being asked again and again with the same secrets.

    For one that need not say that it has refused the login: failures that may be that count, too,
    from the fourth in a row on.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin with a device that has not failed."""
        self._clock = clock
        self._failures = self._refusals = 0
        self._since = clock.now()
        self._secrets: Mapping[str, str] = {}

    def check(self, secrets: Mapping[str, str]) -> None:
        """Raise Permanent or Temporary if the device is to be left alone."""
        if secrets != self._secrets:
            self._secrets = dict(secrets)
            self.worked()
        times = max(self._refusals, self._failures - FAILURES_FREE)
        rest_s = Refusal(times, self._since).rests_s(self._clock.now()) if times > 0 else 0.0
        if rest_s <= 0:
            return
        if self._refusals:
            msg = f"it has refused the login; {_left_alone(rest_s)}"
            raise Permanent(msg)
        msg = f"it has failed {self._failures} times in a row; {_left_alone(rest_s)}"
        raise Temporary(msg)

    def failed(self, *, login: bool) -> None:
        """Note that it has answered, and failed."""
        self._failures += 1
        self._refusals = self._refusals + 1 if login else 0
        self._since = self._clock.now()

    def worked(self) -> None:
        """Note that it works."""
        self._failures = self._refusals = 0


def _left_alone(rest_s: float) -> str:
    return (
        f"to lock nobody out it is not tried again for {rest_s:.0f} s, unless the password changes"
    )
