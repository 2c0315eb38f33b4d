"""Everything that runs, from the first process to the last."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.openstack.estate import Estate
from tests.openstack.testbed.control import Say, down, up
from tests.openstack.testbed.install import exclusive, install
from tests.openstack.testbed.site import default_home


@contextmanager
def whole(say: Say) -> Iterator[Estate]:
    """Install and start what is needed; end it whatever happens. SystemExit: another run has it."""
    # A terminated run ends its processes like an interrupted one.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = default_home()
    with exclusive(home):
        try:
            install(home, say)
            made = Estate(up(home, say))
            say("BMCs, Prometheus, Alertmanager and exporters answer")
            try:
                yield made
            finally:
                made.close()
        finally:
            down(home)
            signal.signal(signal.SIGTERM, before)
