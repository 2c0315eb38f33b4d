"""Every story that `doctor-daemon demo --fault NAME` can tell, as values in one table.

There is one for each fault that the lab knows, and some for what people and machines do. Those in
`STORIES` end well, which need not mean that the servers move: where nobody can prove that a host is
off, not to move them is the right end. The one in `LIMITS` cannot end well, and ends with status 1.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from doctor_daemon.cli.demo import ends, scripts
from doctor_daemon.cli.demo.ends import End
from doctor_daemon.cli.demo.scene import Scene
from doctor_daemon.cli.demo.stage import DEAD
from doctor_daemon.lab.faults import Do, Rule, Service

_bmc = partial(Rule, service=Service.BMC, host=DEAD)
_put = partial(Rule, service=Service.NOVA, method="PUT")
_get = partial(Rule, service=Service.NOVA, method="GET")
_post = partial(Rule, service=Service.NOVA, method="POST", path="*/action")
_hook = partial(Rule, service=Service.CONSUMER, host="operators")
NONE = "none"


@dataclass(frozen=True, slots=True)
class Story:
    """What is told: faults that lie in wait, what people do, and the end that is right."""

    name: str
    sentence: str
    end: End
    rules: tuple[Rule, ...] = ()
    script: Callable[[Scene], Coroutine[None, None, None]] = scripts.nothing_more
    armed: bool = True
    evacuate_s: float = 1.0
    """How long Nova takes to rebuild a server."""
    servers_min: int = 1
    """How many servers the host must have for it."""


_POWER = (
    Story(
        "bmc-refuses",
        "The BMC refuses to cut the power: a human is asked, and nothing is moved.",
        ends.HELD_IN_VAIN,
        (_bmc(do=Do.REFUSE, times=None),),
    ),
    Story(
        "bmc-dead",
        "The BMC never answers: a human pulls the plugs and says so, and the servers move.",
        ends.MOVED,
        (_bmc(do=Do.HANG, times=None),),
        scripts.a_human_confirms,
    ),
    Story(
        "bmc-stuck",
        "The BMC accepts the cut and does nothing: the readings tell, and a human is asked.",
        ends.HELD_IN_VAIN,
        (_bmc(do=Do.STUCK, times=None),),
    ),
    Story(
        "bmc-early-off",
        "The BMC says Off a second and a half before it is true: that proves nothing yet.",
        ends.MOVED,
        (_bmc(do=Do.EARLY_OFF, seconds=1.5, times=None),),
    ),
    Story(
        "bmc-powering-off",
        "The BMC says PoweringOff for ever: that is not off, and a human is asked.",
        ends.HELD_IN_VAIN,
        (_bmc(do=Do.STUCK, times=None), _bmc(do=Do.POWERING_OFF, times=None)),
    ),
    Story(
        "bmc-says-nothing",
        "The BMC leaves the power state out: what is not known is not off; a human is asked.",
        ends.HELD,
        (_bmc(do=Do.NO_POWER, times=None),),
    ),
    Story(
        "bmc-lies-on",
        "The host is off, and its BMC says On: without a proof nothing is moved.",
        ends.HELD,
        (_bmc(do=Do.LIE_ON, times=None),),
    ),
    Story(
        "bmc-lies-off",
        "The BMC does nothing and says Off, but nova-compute reports: it is not believed.",
        ends.HELD_IN_VAIN,
        (_bmc(do=Do.STUCK, times=None), _bmc(do=Do.LIE_OFF, times=None)),
        scripts.nova_compute_reports_after_the_cut,
    ),
    Story(
        "bmc-flips",
        "The BMC does nothing, and says Off and On by turns: that proves nothing.",
        ends.HELD_IN_VAIN,
        (_bmc(do=Do.STUCK, times=None), _bmc(do=Do.FLIPS, times=None)),
    ),
    Story(
        "bmc-off-error",
        "The BMC answers each question with an error, and Off beside it: that is not off.",
        ends.HELD_UNTOUCHED,
        (_bmc(do=Do.OFF_ERROR, method="GET", times=None),),
    ),
    Story(
        "bmc-already-off",
        "The host has lost its power, and the BMC refuses to cut it: the readings prove it off.",
        ends.MOVED,
        (_bmc(do=Do.ALREADY_OFF, times=None),),
        scripts.the_power_is_lost,
    ),
    Story(
        "bmc-dies",
        "The host has lost its power, and its BMC with it: a human makes sure, and says so.",
        ends.MOVED,
        (_bmc(do=Do.DIES, times=None),),
        scripts.the_power_is_lost_and_a_human_confirms,
    ),
    Story(
        "bmc-garbage",
        "The BMC answers each question with half an answer: a human is asked.",
        ends.HELD_UNTOUCHED,
        (_bmc(do=Do.GARBAGE, method="GET", times=None),),
    ),
    Story(
        "other-chassis",
        "The BMC belongs to another machine: its power is not cut.",
        ends.HELD_UNTOUCHED,
        (_bmc(do=Do.OTHER_CHASSIS, times=None),),
    ),
    Story(
        "power-returns",
        "The host is switched on again amid the evacuations: it is fenced again.",
        ends.FENCED_AGAIN,
        script=scripts.the_power_returns,
        evacuate_s=4.0,
    ),
)

_NOVA = (
    Story(
        "nova-503",
        "Nova answers 503 for a while: it is asked again until it is well.",
        ends.MOVED,
        (_put(do=Do.STATUS, times=2), _get(do=Do.STATUS, path="*/os-services", times=2)),
    ),
    Story(
        "nova-silent",
        "Nova never gets the force-down and never answers: it is read back, and sent again.",
        ends.MOVED,
        (_put(do=Do.TIMEOUT_BEFORE),),
    ),
    Story(
        "nova-mute",
        "Nova heeds the force-down and never answers: it is read back, and not sent again.",
        ends.MOVED,
        (_put(do=Do.TIMEOUT_AFTER),),
    ),
    Story(
        "lost-reply",
        "Nova's answer to the force-down is lost on the way: it is read back.",
        ends.MOVED,
        (_put(do=Do.LOST_REPLY),),
    ),
    Story(
        "nova-500-after",
        "Nova does what it is asked and answers 500 all the same: it is read back.",
        ends.MOVED,
        (_put(do=Do.STATUS_AFTER, status=500),),
    ),
    Story(
        "nova-garbage",
        "Nova answers with half an answer: that is no success, and it is asked again.",
        ends.MOVED,
        (_put(do=Do.GARBAGE), _get(do=Do.GARBAGE)),
    ),
    Story(
        "nova-flood",
        "Nova's answer does not end: it is read no further, read back, and asked again.",
        ends.MOVED,
        (_put(do=Do.FLOOD),),
    ),
    Story(
        "nova-drip",
        "Nova's answer comes drop by drop and breaks off: it is read back, and asked again.",
        ends.MOVED,
        (_put(do=Do.DRIP, seconds=1),),
    ),
    Story(
        "nova-slow",
        "Nova takes a second for everything that changes something.",
        ends.MOVED,
        (_put(do=Do.SLOW, seconds=1, times=None), _post(do=Do.SLOW, seconds=1, times=None)),
    ),
    Story(
        "token-revoked",
        "Keystone's token is revoked in mid-work: a new one is fetched.",
        ends.MOVED,
        (_put(do=Do.REVOKE), _post(do=Do.REVOKE)),
    ),
    Story(
        "lost-evacuate",
        "Nova's answers to two evacuations are lost: neither is ever asked for again.",
        ends.MOVED,
        (_post(do=Do.LOST_REPLY, times=2),),
    ),
    Story(
        "no-valid-host",
        "Nova finds no host for some servers: they are named, and a human is asked.",
        ends.HELD_WITH_SOME,
        (_post(do=Do.SLOW, seconds=1.5, after=scripts.SOME, times=None),),
        scripts.no_host_is_left,
        servers_min=scripts.SOME + 1,
    ),
)

_PEOPLE = (
    Story(
        "false-alarm",
        "The alert is resolved within the grace: the suspicion is withdrawn.",
        ends.DISMISSED,
        script=scripts.the_alert_is_taken_back,
    ),
    Story(
        "alive-after-all",
        "nova-compute reports while its host is called dead: the suspicion is withdrawn.",
        ends.DISMISSED,
        script=scripts.nova_compute_reports,
    ),
    Story(
        "disarmed",
        "Nobody has armed the daemon: consumers are warned, and a human is asked.",
        ends.HELD_UNTOUCHED,
        armed=False,
    ),
    Story(
        "consumer-down",
        "The operators' consumer is down, and back later: fencing waits for nobody.",
        ends.MOVED_AND_REPEATED,
        (_hook(do=Do.LOST_REPLY), _hook(do=Do.STATUS, times=3)),
    ),
    Story(
        "daemon-killed",
        "The daemon is killed twice in mid-work: what was open is taken up again.",
        ends.MOVED,
        script=scripts.the_daemon_is_killed,
    ),
)

_NONE = Story(NONE, "A host dies: it is fenced, and every server lands elsewhere.", ends.MOVED)
_LIAR = Story(
    "consistent-liar",
    "A known limit: the only device lies, and nothing contradicts it. The judge sees two writers.",
    ends.CONVICTED,
    (_bmc(do=Do.STUCK, times=None), _bmc(do=Do.LIE_OFF, times=None)),
)

STORIES: Mapping[str, Story] = {one.name: one for one in (_NONE, *_POWER, *_NOVA, *_PEOPLE)}
LIMITS: Mapping[str, Story] = {_LIAR.name: _LIAR}


def named(name: str) -> Story | None:
    """Find a story by its name, or by that of the fault of the lab that it is about."""
    found = STORIES.get(name) or LIMITS.get(name)
    if found is not None:
        return found
    about = (story for story in STORIES.values() if story.rules and story.rules[-1].do == name)
    return next(about, None)


def listed() -> Iterator[str]:
    """Describe every story, a line each."""
    wide = max(map(len, (*STORIES, *LIMITS)))
    for story in STORIES.values():
        yield f"{story.name:{wide}}  {story.sentence}"
    yield "beyond the limits, so that it ends with status 1:"
    for story in LIMITS.values():
        yield f"{story.name:{wide}}  {story.sentence}"
