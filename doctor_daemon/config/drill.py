"""The canary drill: which hosts may be drilled, and what is booted on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field

from doctor_daemon.config.patterns import expand
from doctor_daemon.config.section import Section
from doctor_daemon.config.words import parse_some_names

Text = Annotated[str, Field(min_length=1, max_length=255)]
Limit = Annotated[float, Field(ge=10, le=14_400, allow_inf_nan=False)]


class Drill(Section):
    """What `doctor-daemon drill` may do. Left out: no host is drilled. The daemon uses none of it.

    A drill cuts the power of a host that is well. See docs/operations.md.
    """

    hosts: Annotated[tuple[str, ...], BeforeValidator(parse_some_names)]
    """The hosts that may be drilled: one name or pattern, or a list of them, as under `hosts`."""
    image: Text
    """The id of the image that the canary is booted from."""
    flavor: Text
    """The id of its flavor."""
    network: Text = "none"
    """The id of the network that it is on; `auto` lets Nova choose, `none` is without any."""
    cloud: str = ""
    """Another entry of the cloud's clouds_file, whose project the canary is to be of; it needs the
    role admin there, as only an admin names a host. Empty: the daemon's own."""
    boot_timeout_s: Limit = 300.0
    """How long the canary may take until it runs."""
    move_timeout_s: Limit = 1800.0
    """How long it may take from the order to fence the host until the canary runs elsewhere."""
    return_timeout_s: Limit = 3600.0
    """How long the host may take from then on until Nova has it in use again."""

    def names(self) -> frozenset[str]:
        """Return every host that may be drilled. Raise ValueError for a faulty pattern."""
        return frozenset(named.host for pattern in self.hosts for named in expand(pattern))


def strangers(drill: Drill, known: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the hosts that may be drilled."""
    try:
        unknown = sorted(drill.names() - {*known})
    except ValueError as error:
        yield str(error)
        return
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        yield f"found {unknown[0]!r}{more}; expected names that stand under `hosts`"
