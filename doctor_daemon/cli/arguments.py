"""What can be typed after `doctor-daemon`, and what `--help` says of it.

Names of options are never completed from their beginning: a command that vouches for a machine's
power should not guess what was meant.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from doctor_daemon import __version__
from doctor_daemon.cli import audit, cinder_arguments, fleet, heartbeat, hosts, probes, states
from doctor_daemon.cli.drill import arguments as drill
from doctor_daemon.cli.store import add as add_store
from doctor_daemon.cli.values import consumer, count, duration, name, stuck

CONFIG = Path("/etc/doctor-daemon/doctor-daemon.yaml")
SOCKET = Path("/run/doctor-daemon/doctor-daemon.sock")
CLEARED = "Clear its forced_down flag in Nova first: Nova is asked whether you have."
CONFIRM_S = 900.0
_EXITS = "Exit status: 0 done; 1 not done, and why is on standard error; 2 wrongly typed."
_ABOUT = """Watches OpenStack compute hosts, proves a failed one is off, and only then has Nova
force it down."""

Options = argparse.Namespace


def parse(words: Sequence[str] | None = None) -> Options:
    """Read a command. Raise SystemExit, with usage on standard error, where it is wrong."""
    top = parser()
    options = top.parse_args(words)
    if options.command == "maintenance":
        begins = options.for_s is not None and options.why is not None
        given = options.for_s is not None or options.why is not None
        if (options.end and given) or not (options.end or begins):
            top.error("maintenance: expected --for TIME and --why REASON, or --end alone")
    if options.command == "notices" and options.verb == "replay":
        _check_replay(top, options)
    if options.command == "cinder":
        cinder_arguments.check(top, options)
    return options


def _check_replay(top: argparse.ArgumentParser, options: Options) -> None:
    everything = options.consumer is not None and options.all_dead
    half = (options.consumer is not None) != options.all_dead
    if half or bool(options.ids) == everything:
        top.error("notices replay: expected ids, or --consumer NAME and --all-dead")
    if options.state is not None or options.limit is not None:
        top.error("notices replay: --dead, --pending and --limit are for the list")


def parser() -> argparse.ArgumentParser:
    """Describe every command."""
    top = argparse.ArgumentParser(
        prog="doctor-daemon", description=_ABOUT, epilog=_EXITS, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_service(commands)
    _add_demo(commands)
    _add_questions(commands)
    _add_notices(commands)
    audit.add(_asking(commands, audit.WORD, *audit.TEXTS))
    _add_switches(commands)
    _add_step_down(commands)
    _add_orders(commands)
    hosts.add(_asking(commands, "host", *hosts.TEXTS), name, _reason)
    fleet.add(_asking(commands, fleet.WORD, *fleet.TEXTS), _reason)
    cinder_arguments.add(_asking(commands, "cinder", *cinder_arguments.TEXTS))
    heartbeat.add_agent(_command(commands, heartbeat.AGENT, *heartbeat.AGENT_TEXTS))
    heartbeat.add_agent(_command(commands, heartbeat.WATCHDOG, *heartbeat.WATCHDOG_TEXTS))
    heartbeat.add_key(_command(commands, heartbeat.KEY, *heartbeat.KEY_TEXTS), name)
    probes.add(_asking(commands, probes.WORD, probes.TEXT, probes.MORE), name, CONFIG)
    add_store(partial(_command, commands), CONFIG)
    drill.add(_command(commands, drill.WORD, drill.TEXT, drill.MORE), CONFIG, name)
    return top


def _command(commands: Any, word: str, text: str, more: str = "") -> Any:  # noqa: ANN401 - argparse names no public type
    about = f"{text[:1].upper()}{text[1:]}. {more}".strip()
    return commands.add_parser(
        word, help=text, description=about, epilog=_EXITS, allow_abbrev=False
    )


def _asking(commands: Any, word: str, text: str, more: str = "") -> Any:  # noqa: ANN401 - as above
    made = _command(commands, word, text, more)
    made.add_argument(
        "--socket", type=Path, default=SOCKET, help=f"the daemon's socket (default: {SOCKET})"
    )
    made.add_argument("--json", action="store_true", help="print what the daemon answers, as JSON")
    return made


def _about_host(commands: Any, word: str, text: str, more: str = "") -> Any:  # noqa: ANN401 - as above
    made = _asking(commands, word, text, more)
    made.add_argument("host", type=name, metavar="HOST", help="its name in Nova, or an alias")
    return made


def _reason(made: Any, *, required: bool = True) -> None:  # noqa: ANN401 - as above
    text = "why, for the record: it is kept with your name"
    made.add_argument("--why", required=required, metavar="REASON", help=text)


def _add_service(commands: Any) -> None:  # noqa: ANN401 - as above
    run = _command(
        commands,
        "run",
        "run the daemon until it is told to stop (SIGTERM)",
        "It ends with status 2 for a configuration that cannot be used, and 70 for a bug.",
    )
    check = _command(
        commands,
        "check-config",
        "say what is wrong with a configuration",
        "It starts nothing and changes nothing.",
    )
    for made in (run, check):
        made.add_argument(
            "--config", type=Path, default=CONFIG, metavar="FILE", help=f"default: {CONFIG}"
        )
    check.add_argument(
        "--online",
        action="store_true",
        help="also log in to the cloud, and identify and read every power device once",
    )


def _add_demo(commands: Any) -> None:  # noqa: ANN401 - as above
    made = _command(
        commands,
        "demo",
        "watch the daemon save the servers of a host, in a simulated cloud",
        "The daemon is the real one, and a process of its own. Nothing outside this machine is "
        "used. It ends with status 0 only if nothing went wrong that must not.",
    )
    made.add_argument(
        "--fault",
        default="none",
        metavar="NAME",
        help="what goes wrong beside the host (default: none); `list` lists what can",
    )
    made.add_argument(
        "--host-count", type=count(2, 500), default=20, metavar="N", help="default: 20"
    )
    made.add_argument(
        "--servers", type=count(1, 200), default=10, metavar="N", help="on a host; default: 10"
    )
    made.add_argument(
        "--json", action="store_true", help="say what was counted in one last line, as JSON"
    )
    made.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")


def _add_questions(commands: Any) -> None:  # noqa: ANN401 - as above
    _asking(commands, "status", "say how the daemon stands, and what is open")
    made = _asking(commands, "incidents", "list incidents, open and over, the newest first")
    made.add_argument("--host", type=name, help="of this host only")
    made.add_argument("--limit", type=int, default=50, metavar="N", help="at most (default: 50)")
    states.add_options(_asking(commands, states.WORD, states.TEXT, states.MORE), name)
    _about_host(
        commands,
        "explain",
        "say how a host stands, why, and what is needed",
        "Its incident, what the gates say now, the proof, and the timeline in milliseconds.",
    )


def _add_notices(commands: Any) -> None:  # noqa: ANN401 - as above
    made = _asking(
        commands,
        "notices",
        "list what consumers were told, are to be told, and could not be told",
        "The newest first. `notices replay` has those that were given up told once more.",
    )
    only = made.add_mutually_exclusive_group()
    for state, text in (("dead", "given up"), ("pending", "not delivered yet")):
        about = f"only what is {text}"
        only.add_argument(f"--{state}", dest="state", action="store_const", const=state, help=about)
    made.add_argument("--consumer", type=consumer, metavar="NAME", help="to this consumer only")
    made.add_argument("--limit", type=int, metavar="N", help="at most (default: 50)")
    verbs = made.add_subparsers(metavar="[replay]", dest="verb")
    again = verbs.add_parser(
        "replay",
        help="have what was given up told once more",
        description="Have notices that were given up told once more, with the same id and body. "
        "They come after those that their host has had since.",
        epilog=_EXITS,
        allow_abbrev=False,
    )
    again.add_argument("ids", nargs="*", metavar="ID", help="the notice, as the list has it")
    # Left out here they are what was typed before `replay`, or the default of that.
    kept = argparse.SUPPRESS
    whom = "with --all-dead: the consumer that they are for"
    again.add_argument("--consumer", type=consumer, metavar="NAME", default=kept, help=whom)
    again.add_argument("--all-dead", action="store_true", help="with --consumer: all that are dead")
    again.add_argument("--socket", type=Path, default=kept, help="the daemon's socket")
    again.add_argument("--json", action="store_true", default=kept, help="print the answer as JSON")
    _reason(again)


def _add_switches(commands: Any) -> None:  # noqa: ANN401 - as above
    made = _asking(
        commands,
        "arm",
        "allow the daemon to cut power",
        "It stays so over a restart, until `disarm`. What is held because the daemon was disarmed "
        "is not taken up by itself: `fence HOST` does that.",
    )
    _reason(made)
    made = _asking(
        commands,
        "disarm",
        "forbid every power cut and force-down, at once",
        "A cut that was sent cannot be called back; nothing new is begun.",
    )
    _reason(made)
    made = _about_host(
        commands,
        "maintenance",
        "keep the daemon's hands off a host for a time",
        "Give --for and --why to begin, --end to end it.",
    )
    made.add_argument("--for", dest="for_s", type=duration, metavar="TIME", help="such as 4h")
    _reason(made, required=False)
    made.add_argument("--end", action="store_true", help="end it now")


def _add_step_down(commands: Any) -> None:  # noqa: ANN401 - as above
    made = _asking(
        commands,
        "step-down",
        "have another daemon lead, which stands by",
        "What is under way comes to its end first. This one ends, with status 75, and is begun "
        "anew by systemd as one that stands by.",
    )
    _reason(made)


def _add_orders(commands: Any) -> None:  # noqa: ANN401 - as above
    for word, text, more in (
        ("fence", "cut a host's power now", "Every gate is still asked, and off is still proven."),
        ("dismiss", "call a suspicion off, or end what is held", ""),
        ("close", "end the incident of a host that is down", CLEARED),
        (
            "release",
            "give a host that was down back to Nova, once that is safe",
            "`explain HOST` says what is missing; `dismiss HOST` calls it off.",
        ),
        (
            "power-on",
            "switch a host on that is down",
            "Only once no server of it is being evacuated. It does not release it.",
        ),
    ):
        made = _about_host(commands, word, text, more)
        _reason(made)
        if word == "release":
            _add_stuck(made)
    made = _about_host(
        commands,
        "confirm-off",
        "vouch that a host is off, where no device can prove it",
        "Nova will be told that the host is down, and its servers may be started elsewhere: if it "
        "is running after all, that destroys their disks. Make sure with your own eyes. You are "
        "asked to type the host's name once more.",
    )
    _reason(made)
    made.add_argument(
        "--for",
        dest="for_s",
        type=duration,
        default=CONFIRM_S,
        metavar="TIME",
        help="how long your word holds (default: 15m)",
    )
    made.add_argument(
        "--host-again", metavar="HOST", help="the host's name once more, for use without a terminal"
    )


def _add_stuck(made: Any) -> None:  # noqa: ANN401 - as above
    made.add_argument(
        "--accept-stuck",
        action="append",
        type=stuck,
        metavar="MIGRATION@DESTINATION",
        help="vouch that an evacuation will never end and that you have seen no guest of it at its "
        "destination; once the release is held because of it (may be given more than once)",
    )
