"""`doctor-daemon`: run the daemon, check its configuration, and tell it what to do.

Every command that changes something takes a reason, and the daemon records it with the name of
whoever gave it. A command that confirms that a host is off wants the host's name typed once more.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from io import TextIOWrapper
from typing import Any, TextIO
from urllib.parse import quote, urlencode

from doctor_daemon.cli import (
    audit,
    audit_words,
    cinder,
    fleet,
    heartbeat,
    hosts,
    probes,
    show,
    states,
    store,
)
from doctor_daemon.cli.arguments import Options, parse
from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.errors import DoctorError

RUNNING = "If this host is running, to confirm is to destroy its servers' disks."
INTERRUPTED = 130
"""What shells say of a program that was ended by Ctrl-C."""

# service


def _run(options: Options) -> int:
    from doctor_daemon.main import run  # noqa: PLC0415 - the other commands need none of it

    return run(options.config)


def _check(options: Options) -> int:
    from doctor_daemon import log  # noqa: PLC0415 - as above
    from doctor_daemon.main import ended  # noqa: PLC0415 - as above

    log.setup("text", "error")  # a library's own words go to standard error, and redacted
    try:
        return _checked(options)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in's bug: told without its secrets
        return ended(error)
    finally:
        log.close()


def _checked(options: Options) -> int:
    from doctor_daemon.cli.checks import ERROR, check_offline, check_online  # noqa: PLC0415 - as above

    settings, lines = check_offline(options.config)
    _print(lines)
    if settings is None or not options.online:
        return 0 if settings else 1
    answers = asyncio.run(check_online(settings))
    _print(f"{word}: {text}" for word, text in answers)
    return 1 if ERROR in (word for word, _ in answers) else 0


def _demo(options: Options) -> int:
    from doctor_daemon.cli.demo import command  # noqa: PLC0415 - as above

    return command.run(options)


def _drill(options: Options) -> int:
    from doctor_daemon.cli.drill import command  # noqa: PLC0415 - as above

    return command.run(options)


def _heartbeat(options: Options) -> int:
    from doctor_daemon.heartbeat import agent  # noqa: PLC0415 - as above

    return agent.run(options.config)


def _watchdog(options: Options) -> int:
    from doctor_daemon.heartbeat import feeder  # noqa: PLC0415 - as above

    return feeder.run(options.config)


def _heartbeat_key(options: Options) -> int:
    _print([heartbeat.key_line(options).rstrip()])
    return 0


# questions


def _status(options: Options) -> int:
    return _tell(options, ask(options.socket, "GET", "/v1/status"), show.status)


def _incidents(options: Options) -> int:
    only = f"&host={quote(options.host, safe='')}" if options.host else ""
    found = ask(options.socket, "GET", f"/v1/incidents?limit={options.limit}{only}")
    return _tell(options, found, show.incidents)


def _explain(options: Options) -> int:
    return _tell(options, ask(options.socket, "GET", _of(options.host)), show.explanation)


def _states(options: Options) -> int:
    return _tell(options, ask(options.socket, "GET", states.resource(options)), states.states)


def _notices(options: Options) -> int:
    if options.verb == "replay":
        return _replay(options)
    asked = {"state": options.state, "consumer": options.consumer, "limit": options.limit}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return _tell(options, ask(options.socket, "GET", f"/v1/notices?{query}"), show.notices)


def _audit(options: Options) -> int:
    if options.verb == "export":
        _print(audit.exported(options))
        return 0
    try:
        found = audit.asked(options)
    except Unanswered as error:
        if options.verb != "verify":
            raise
        _print([f"doctor-daemon: {error}"], sys.stderr)
        return audit.NOT_ASKED
    _tell(options, found, audit_words.words)
    return audit.status(found)


# switches and orders


def _replay(options: Options) -> int:
    which = {"consumer": options.consumer} if options.all_dead else {"ids": options.ids}
    found = ask(options.socket, "POST", "/v1/notices/replay", {**which, "why": options.why})
    return _tell(options, found, show.replayed)


def _switch(options: Options) -> int:
    found = ask(options.socket, "POST", f"/v1/{options.command}", {"why": options.why})
    return _tell(options, found, show.status)


def _maintenance(options: Options) -> int:
    resource = f"{_of(options.host)}/maintenance"
    if options.end:
        return _tell(options, ask(options.socket, "DELETE", resource), show.status)
    body = {"for_s": options.for_s, "why": options.why}
    return _tell(options, ask(options.socket, "POST", resource, body), show.status)


def _order(options: Options) -> int:
    body: dict[str, Any] = {"order": options.command, "why": options.why}
    if options.command == "release" and options.accept_stuck:
        body["accept_stuck"] = options.accept_stuck
    if options.command == "confirm-off":
        body |= {"for_s": options.for_s, "host": _typed(options, RUNNING, "that its power is off")}
    ask(options.socket, "POST", f"{_of(options.host)}/orders", body)
    return _explain(options)


def _typed(options: Options, warning: str, what: str) -> str:
    """Have the host's name typed again, after showing what is known of it."""
    if options.host_again is not None:
        return str(options.host_again)
    # Not on standard output: that is for the daemon's answer alone.
    _print(show.explanation(ask(options.socket, "GET", _of(options.host))), sys.stderr)
    _print(["", warning], sys.stderr)
    sys.stderr.write(f"Type the host's name to confirm {what}: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if not typed:
        msg = "nothing was typed, and nothing is confirmed"
        raise Unanswered(msg)
    return typed


def _host(options: Options) -> int:
    typed = _typed(options, hosts.WARNING, "that it is gone for good")
    return _tell(options, hosts.decommissioned(options, typed), show.explanation)


def _release_hosts(options: Options) -> int:
    return _tell(options, fleet.released(options), show.status)


def _cinder(options: Options) -> int:
    return _tell(options, cinder.answered(options), cinder.words)


def _probe(options: Options) -> int:
    found = probes.probed(options)
    _tell(options, found, probes.words)
    return probes.status(found)


COMMANDS: Mapping[str, Callable[[Options], int]] = {
    "run": _run,
    "check-config": _check,
    "demo": _demo,
    "drill": _drill,
    heartbeat.AGENT: _heartbeat,
    heartbeat.WATCHDOG: _watchdog,
    heartbeat.KEY: _heartbeat_key,
    "status": _status,
    "incidents": _incidents,
    "explain": _explain,
    "notices": _notices,
    audit.WORD: _audit,
    states.WORD: _states,
    "arm": _switch,
    "disarm": _switch,
    "step-down": _switch,
    "maintenance": _maintenance,
    "fence": _order,
    "dismiss": _order,
    "close": _order,
    "release": _order,
    "power-on": _order,
    "confirm-off": _order,
    "host": _host,
    "cinder": _cinder,
    probes.WORD: _probe,
    fleet.WORD: _release_hosts,
    store.WORD: store.run,
}


def _of(host: str) -> str:
    return f"/v1/hosts/{quote(host, safe='')}"


def _tell(options: Options, found: Any, words: Callable[[Any], Iterable[str]]) -> int:  # noqa: ANN401 - JSON
    _print([json.dumps(found)] if options.json else words(found))
    return 0


def _print(lines: Iterable[str], stream: TextIO | None = None) -> None:
    for line in lines:
        (stream or sys.stdout).write(f"{show.plain(line)}\n")


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = parse(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters
    try:
        status = COMMANDS[options.command](options)
        sys.stdout.flush()
    except (Unanswered, DoctorError) as error:
        _print([f"doctor-daemon: {error}"], sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough. What is left must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
