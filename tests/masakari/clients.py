"""Runs in the clients' own environment: what they do is theirs, and only what is asked is ours.

`clients.py monitor CONFIG HOST STATUS` does what masakari-hostmonitor does when a host's status
changes: its own code makes the notification, logs in and sends it. `clients.py sdk` reads calls of
openstacksdk's `instance_ha` as JSON from standard input, and writes what they return.

Nothing of this is imported by name: it is not installed where the tests are checked.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any


def _module(name: str) -> Any:  # noqa: ANN401 - a package that is not there when this is checked
    return importlib.import_module(name)


def monitor(config: str, host: str, status: str) -> None:
    """Send what the host monitor sends. Its log, on standard error, tells how it went."""
    conf = _module("masakarimonitors.conf").CONF
    conf(["--config-file", config], project="masakarimonitors")
    handler = _module("masakarimonitors.hostmonitor.host_handler.handle_host").HandleHost()
    event = handler._make_event(host, status)  # noqa: SLF001 - what its loop calls
    handler.notifier.send_notification(conf.host.api_retry_max, conf.host.api_retry_interval, event)


def sdk(asked: dict[str, Any]) -> Iterator[Any]:
    """Make each call; yield what it returns, or how it was refused."""
    openstack = _module("openstack")
    client = openstack.connect(load_yaml_config=False, **asked["connect"]).instance_ha
    for name, arguments in asked["calls"]:
        try:
            found = getattr(client, name)(**arguments)
            if hasattr(found, "to_dict"):
                yield found.to_dict()
            else:
                yield [one.to_dict() for one in found]
        except openstack.exceptions.HttpException as error:
            yield {"status": error.status_code, "details": error.details}


def main(what: str, *words: str) -> None:
    """Be one of the two clients."""
    warnings.simplefilter("ignore")  # eventlet says at each start that it is no longer wanted
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    if what == "monitor":
        monitor(*words)
    else:
        print(json.dumps(list(sdk(json.load(sys.stdin))), default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
