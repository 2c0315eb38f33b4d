"""What can be typed after `doctor-daemon cinder`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

KEPT = argparse.SUPPRESS
"""Left out after the verb, an option is what was typed before it, or the default of that."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TEXTS = (
    "see how Cinder's services stand, and change that",
    "What changes a service needs an armed daemon, and counts as done once it was read back.",
)
_HOST = "as `cinder services` lists it: HOST@BACKEND of a cinder-volume"


def add(top: argparse.ArgumentParser) -> None:
    """Describe every verb of `cinder`."""
    verbs = top.add_subparsers(required=True, metavar="VERB", dest="verb")
    _add_questions(verbs, top.epilog)
    _add_switches(verbs, top.epilog)
    _add_backends(verbs, top.epilog)
    _add_tasks(verbs, top.epilog)


def check(top: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what goes together as little as it can be left out. Raise SystemExit."""
    both = options.verb in ("freeze", "thaw", "failover")
    if both and bool(options.host) == bool(options.cluster):
        top.error(f"cinder {options.verb}: expected HOST@BACKEND, or --cluster NAME")
    if options.verb == "log-levels" and (options.level is None) != (options.why is None):
        top.error("cinder log-levels: expected --set LEVEL and --why REASON, or neither")
    if options.verb == "log-levels" and options.until and options.level is None:
        top.error("cinder log-levels: expected --set LEVEL with --until HOST")


def name(text: str) -> str:
    """Read a name of Cinder's."""
    if not text.strip():
        msg = "found nothing; expected a name"
        raise argparse.ArgumentTypeError(msg)
    return text.strip()


def _verb(verbs: Any, epilog: str | None, word: str, texts: tuple[str, str]) -> Any:  # noqa: ANN401 - argparse names no public type
    text, more = texts
    about = f"{text[:1].upper()}{text[1:]}. {more}".strip()
    made = verbs.add_parser(word, help=text, description=about, epilog=epilog, allow_abbrev=False)
    made.add_argument("--socket", type=Path, default=KEPT, help="the daemon's socket")
    made.add_argument("--json", action="store_true", default=KEPT, help="print the answer as JSON")
    return made


def _reason(made: Any, *, required: bool = True) -> None:  # noqa: ANN401 - as above
    text = "why, for the record: it is kept with your name"
    made.add_argument("--why", required=required, metavar="REASON", help=text)


def _add_questions(verbs: Any, epilog: str | None) -> None:  # noqa: ANN401 - as above
    made = _verb(verbs, epilog, "services", ("list Cinder's services, and how they stand", ""))
    made.add_argument("--host", type=name, help="of this host only, with all its backends")
    made.add_argument("--binary", type=name, help="of this kind only, such as cinder-volume")
    texts = (
        "read log levels of Cinder's services, or set them",
        "A service that restarts forgets what was set. Only services that are up are asked.",
    )
    made = _verb(verbs, epilog, "log-levels", texts)
    made.add_argument("--host", type=name, help=_HOST)
    made.add_argument("--binary", type=name, help="of this kind only, such as cinder-volume")
    made.add_argument("--prefix", type=name, help="of loggers whose names begin so")
    made.add_argument("--set", dest="level", choices=LEVELS, help="the level to set")
    made.add_argument(
        "--until",
        type=name,
        metavar="HOST",
        help="put them back once this host has no open incident, and its storage is seen to",
    )
    _reason(made, required=False)


def _add_switches(verbs: Any, epilog: str | None) -> None:  # noqa: ANN401 - as above
    texts = (
        "let nothing new be scheduled to a service",
        (
            "Requests for volumes that are there already still go to it. What somebody else has "
            "disabled stays as it is, with its reason."
        ),
    )
    made = _verb(verbs, epilog, "disable", texts)
    made.add_argument(
        "--without-reason",
        dest="bare",
        action="store_true",
        help="store no reason in Cinder; Cinder 28 and newer do nothing then",
    )
    texts = (
        "take the disabling of a service back",
        "Cinder 28 and newer answer and do nothing: that is seen and told, and what helps.",
    )
    for one in (made, _verb(verbs, epilog, "enable", texts)):
        one.add_argument("host", type=name, metavar="HOST", help=_HOST)
        one.add_argument(
            "--binary", type=name, default="cinder-volume", help="default: cinder-volume"
        )
        _reason(one)


def _add_tasks(verbs: Any, epilog: str | None) -> None:  # noqa: ANN401 - as above
    texts = (
        "end what is asked of you about a service of a fenced host",
        "Nothing is changed in Cinder. `explain` of the host shows what was asked.",
    )
    made = _verb(verbs, epilog, "dismiss", texts)
    made.add_argument("host", type=name, metavar="HOST@BACKEND", help=_HOST)
    _reason(made)


def _add_backends(verbs: Any, epilog: str | None) -> None:  # noqa: ANN401 - as above
    texts = (
        "let no volumes of a backend be made or deleted",
        (
            "It disables the service too. Of a cinder-volume that is down it takes Cinder a "
            "minute, and is in force all the same."
        ),
    )
    frozen = _verb(verbs, epilog, "freeze", texts)
    texts = (
        "end a freeze",
        (
            "Cinder then enables the service, whoever had disabled it; that is disabled again, "
            "with its reason, unless --and-enable is given."
        ),
    )
    thawed = _verb(verbs, epilog, "thaw", texts)
    thawed.add_argument(
        "--and-enable", dest="enable", action="store_true", help="leave the service enabled"
    )
    texts = (
        "fail a backend over to its replication target",
        (
            "Volumes of the backend that are not replicated end in error. A cinder-volume must be "
            "up for it. Afterwards the service stays disabled; volumes that are attached must be "
            "detached and attached again."
        ),
    )
    failed = _verb(verbs, epilog, "failover", texts)
    failed.add_argument(
        "--to",
        type=name,
        required=True,
        metavar="BACKEND_ID",
        help="the target's backend_id in cinder.conf; `default` fails back",
    )
    failed.add_argument(
        "--confirm",
        type=name,
        required=True,
        metavar="HOST@BACKEND",
        help="the name once more (of the cluster, if that is meant)",
    )
    for made in (frozen, thawed, failed):
        made.add_argument("host", type=name, nargs="?", metavar="HOST@BACKEND", help=_HOST)
        made.add_argument("--cluster", type=name, metavar="NAME", help="a cluster in its place")
        _reason(made)
