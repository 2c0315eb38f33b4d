"""Where a source hands in what the cloud's messages say: hints, which nothing is done by."""

from __future__ import annotations

from typing import Protocol

from doctor_daemon.core.hints import Hint, Taken


class Hints(Protocol):
    """What the engine makes of the cloud's messages."""

    def server(self, hint: Hint) -> Taken:
        """Have the host map follow a server until the next list; tell what became of it."""
        ...

    async def service(self, host: str) -> bool:
        """Look at the service of a host that has an open incident, whatever the message said.

        Tell whether there is such an incident. Raise DoctorError when Nova could not be asked.
        """
        ...
