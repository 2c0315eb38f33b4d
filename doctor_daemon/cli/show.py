"""What the commands print: for people, in columns; `--json` prints what the daemon said.

Whoever reads this may have been asleep a minute ago: first what is the matter, then what is needed,
then why, and last how it came about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from doctor_daemon.cli.fleet import kept_back, leader
from doctor_daemon.cli.times import span, when

Json = dict[str, Any]

PHASES = {
    "suspected": "suspected of being down; nothing has been done to it",
    "fencing": "being fenced: its power is cut and read until it is proven off",
    "forcing_down": "proven off; Nova is being told",
    "evacuating": "off, and forced down in Nova; its servers are being moved",
    "down": "DOWN: off, and forced down in Nova; `release` gives it back, once it is repaired",
    "releasing": "on its way back: it stays forced down until all that is needed has been shown",
    "held": "HELD: a human is needed",
    "resolved": "no open incident; the last one is resolved",
    "dismissed": "no open incident; the last one was called off",
}
DOING = {
    "Wait": "waiting",
    "Look": "asking Nova how the host stands",
    "Identify": "asking the power devices who their host is",
    "Cut": "cutting the power",
    "Read": "reading the power",
    "ForceDown": "having Nova force it down",
    "ListServers": "listing its servers",
    "Inspect": "asking Nova for its servers and their evacuations",
    "Evacuate": "having Nova move servers",
    "Follow": "following the evacuations that are under way",
    "SwitchOn": "switching the power on",
    "Lift": "having Nova lift forced_down",
    "Enable": "having Nova enable it",
    "Survey": "asking Nova what is left of it",
    "DeleteService": "having Nova delete its service",
}
ACTS = {
    "cut": "power cut",
    "force_down": "force-down",
    "evacuate": "evacuation",
    "switch_on": "power on",
    "lift": "release",
    "enable": "enable",
    "delete": "decommission",
}
OVER = ("resolved", "dismissed")
LABEL = 12


def status(found: Json) -> Iterator[str]:
    """Show how the daemon stands."""
    armed, budget = found["armed"], found["budget"]
    lead = found.get("leadership")
    aside = lead is not None and lead["role"] == "standing by"
    ready = "ready" if found["ready"] else "standing by" if aside else "NOT READY"
    yield f"{ready}, mode {found['mode']}, {_armed(armed)}"
    if lead is not None:
        yield from (_row("leader", text) for text in leader(lead))
    if not armed["on"]:
        yield _row("", "no power is cut until `doctor-daemon arm --why REASON`")
    yield _row(
        "budget",
        f"{budget['used']} of {budget['total']} hosts fenced in {budget['window_s']:g} s "
        f"(at most {budget['per_domain']} of one failure domain)",
    )
    yield from (_row(label, text) for label, text in kept_back(found))
    yield _row("hosts", f"{found['hosts']}; servers as of {when(found['servers_as_of_wall_s'])}")
    for window in found["maintenance"]:
        yield _row("maintenance", f"{window['host']} {_window(window)}")
    lost = ", ".join(f"{count} to {name}" for name, count in sorted(found["dead_letters"].items()))
    if lost:
        yield _row("notices", f"given up: {lost}; see `doctor-daemon notices --dead`")
    rows = sorted(found["incidents"], key=lambda row: row["phase"] != "held")
    held = sum(row["phase"] == "held" for row in rows)
    needed = f", {held} of them HELD: `doctor-daemon explain HOST`" if held else ""
    for task in found.get("storage", ()):
        yield _row("storage", f"{task['why']}: `doctor-daemon explain {task['host']}`")
    for task in found.get("ports", ()):
        yield _row("ports", f"{task['why']}: `doctor-daemon explain {task['host']}`")
    if bad := found.get("unfenceable", {}).get("hosts"):
        count = found["unfenceable"]["count"]
        yield _row("fencing", f"{count} hosts cannot be fenced ({bad[0]}): `doctor-daemon probe`")
    for lent in found.get("reserves", ()):
        text = f"{lent['reserve'] or 'none yet'} for {lent['host']}, {lent['stage']}"
        yield _row("reserve", text)
    yield _row("incidents", f"{len(rows) or 'none'} open{needed}")
    yield from _lines(rows)


def incidents(found: Json) -> Iterator[str]:
    """Show a list of incidents, the newest first."""
    yield from _lines(found["incidents"]) if found["incidents"] else ["no incidents"]


def _lines(rows: Sequence[Json]) -> Iterator[str]:
    wide = max((len(row["host"]) for row in rows), default=0)
    for row in rows:
        opened = when(row["opened_wall_s"])
        yield f"  {opened}  {row['id']}  {row['host']:{wide}}  {row['phase']:12}  {row['text']}"


def notices(found: Json) -> Iterator[str]:
    """Show a list of notices, the newest first."""
    rows = found["notices"]
    yield from _table(rows) if rows else ["no notices"]
    if any(row["state"] == "dead" for row in rows):
        yield "what is dead is told once more by `doctor-daemon notices replay`"


def replayed(found: Json) -> Iterator[str]:
    """Show what is told once more, and what that means."""
    rows, left = found["replayed"], found["left"]
    yield f"{len(rows)} to be told once more, after whatever their hosts have had since:"
    yield from _table(rows)
    if left:
        yield f"{left} more are dead: give the order again when these have been told"


def _table(rows: Sequence[Json]) -> Iterator[str]:
    table = [_cells(row) for row in rows]
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row, cells in zip(rows, table, strict=True):
        columns = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, wide, strict=True))
        yield f"  {columns}  {row['error']}".rstrip()


def _cells(row: Json) -> tuple[str, ...]:
    age_s, tries = row["age_s"], row["attempts"]
    age = "of unknown age" if age_s is None else f"{span(age_s)} old"
    state = f"{row['state']}, late" if row["late"] else row["state"]
    times = "1 try" if tries == 1 else f"{tries} tries"
    return (row["id"], row["consumer"], row["kind"], row["host"], age, state, times)


def explanation(found: Json) -> Iterator[str]:
    """Show everything about a host, in the order in which one asks."""
    host, incident = found["host"], found["incident"]
    yield f"{host}: {PHASES[incident['phase']] if incident else 'no incident on record'}"
    if incident is not None:
        yield from _matter(incident, host)
    yield from _storage(found.get("storage", ()))
    yield from _task("ports", found.get("ports"))
    yield from _task("reserve", found.get("reserve"))
    if incident is not None and incident["phase"] not in OVER:
        leaving = "delete" in found["gates"]
        yield from _gates(found["gates"]) if leaving or incident["phase"] != "down" else ()
        doing = [DOING.get(name, name) for name in found["due"]]
        yield _row("now", ", ".join(dict.fromkeys(doing)) or "nothing until a human acts")
    yield from _host(found)
    if incident is not None:
        yield from timeline(incident["timeline"])


def _matter(incident: Json, host: str) -> Iterator[str]:
    """Show what is the matter, and what is known of it."""
    held = incident["held"]
    if held:
        yield _row("why", f"{held['why']} (gate {held['gate']})")
        yield _row("what frees", held["frees"].replace("HOST", host))
    waiting = incident.get("waiting")
    if waiting:
        yield _row("waits", f"{waiting['why']} (gate {waiting['gate']})")
        yield _row("what frees", waiting["frees"].replace("HOST", host))
    if not held and incident.get("contradicted"):
        yield _row("waits", f"{incident['contradicted']}; nothing is cut meanwhile")
    yield _row("incident", f"{incident['id']}, opened {when(incident['opened_wall_s'])}")
    yield _row("servers", f"{incident['servers']} concerned")
    for word in incident["evidence"]:
        times = "once" if word["count"] == 1 else f"{word['count']} times"
        said = f"{word['source']} ({word['kind']}) says {word['verdict']}, {times}"
        yield _row("evidence", f"{said}: {word['summary']}" if word["summary"] else said)
    yield from (_row("proof", text) for text in _proof(incident["proof"]))
    yield from _evacuations(incident["evacuations"])


def _evacuations(records: Sequence[Json]) -> Iterator[str]:
    """Show what becomes of each server: those in need of somebody first, then the others in short.

    What has simply moved is told in one line for each destination.
    """
    moved: dict[str, list[str]] = {}
    for record in sorted(records, key=lambda record: record["stage"]):
        name = record["name"] or record["server"]
        if record["stage"] == "moved":
            moved.setdefault(record["to"], []).append(name)
            continue
        why = f": {record['why']}" if record["why"] else ""
        where = f" to {record['to']}" if record["to"] else ""
        turn = record["rank"] if record["stage"] == "waiting" else 0
        place = f", rank {turn}" if turn else ""
        tries = f", attempt {record['attempt']}" if record["attempt"] > 1 else ""
        yield _row("server", f"{name} is {record['stage']}{where}{place}{tries}{why}")
    for to, names in sorted(moved.items()):
        yield _row("moved", f"to {to}: {', '.join(sorted(names))}")


def _storage(tasks: Sequence[Json]) -> Iterator[str]:
    """Show how the block storage of a fenced host stands, and what a human is asked for."""
    for task in tasks:
        stage, last = task["stage"].replace("_", " "), task["story"][-1]["text"]
        yield _row("storage", f"{task['service']} is {stage}: {last}" if task["service"] else last)
        if task["why"]:
            yield _row("", f"needed: {task['why']}")
            yield _row("", f"so: {task['frees']}")
        if task["shut"] or task["trouble"]:
            yield _row("", f"it waits: {task['shut'] or task['trouble']}")


def _task(what: str, task: Json | None) -> Iterator[str]:
    """Show what is done about a fenced host's ports or its reserve, and asked of a human."""
    if task is None:
        return
    yield _row(what, f"{task['stage']}: {task['story'][-1]['text'].removeprefix('held: ')}")
    if task["why"]:
        yield _row("", f"needed: {task['why']}")
        yield _row("", f"so: {task['frees']}")
    elif task.get("shut"):
        yield _row("", f"it waits: {task['shut']}")


def _proof(proof: Json | None) -> Iterator[str]:
    if proof is None:
        yield "none: nobody has shown that the power is off"
        return
    taken = when(proof["taken_wall_s"])
    if proof["kind"] == "human":
        yield f"{proof['by']} vouched at {taken} that it is off: {proof['why']}"
    for part in proof["devices"]:
        yield f"{part['device']} of {part['uuid']} read {', '.join(part['reads'])}, at {taken}"


def _gates(gates: Json) -> Iterator[str]:
    """Show the gates as they stand now: only those that are shut say anything."""
    for act, verdicts in gates.items():
        shut = [f"{gate}: {why}" for gate, why in verdicts.items() if why != "open"]
        yield _row(ACTS.get(act, act), "every gate is open" if not shut else f"shut, {shut[0]}")
        yield from (_row("", f"and {text}") for text in shut[1:])


def _host(found: Json) -> Iterator[str]:
    """Show what holds for the host whatever happens to it."""
    domain, servers = found["domain"] or "(none)", found["servers"]
    yield _row("host", f"mode {found['mode']}, failure domain {domain}, {servers} servers on it")
    levels = (" and ".join(_device(text) for text in level) for level in found["levels"])
    yield _row("fencing", ", then ".join(levels) or "no level is configured: it would be held")
    if found["maintenance"]:
        yield _row("maintenance", _window(found["maintenance"]))
    yield _row("daemon", _armed(found["armed"]))


def _device(text: str) -> str:
    """Say once what is both a device's kind and its name."""
    kind, _, name = text.partition(" ")
    if kind == "manual":
        return "manual (a human makes sure)"
    return kind if kind == name else text


def timeline(entries: Iterable[Json]) -> Iterator[str]:
    """Show what happened, in milliseconds."""
    yield "timeline, in milliseconds since the first evidence:"
    for entry in entries:
        after = entry["after_s"]
        stamp = "another boot" if after is None else f"{after * 1000:12,.0f}"
        told = f"  [{entry['told']} notice]" if entry["told"] else ""
        yield f"  {stamp:>12}  {entry['phase']:12}  {entry['text']}{told}"


def plain(line: str) -> str:
    """Spell out what a terminal would obey: a line may quote a stranger's words."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _row(label: str, text: str) -> str:
    return f"  {label:{LABEL}}  {text}"


def _armed(armed: Json) -> str:
    state = "ARMED" if armed["on"] else "disarmed"
    by = f" by {armed['by']}" if armed["by"] else ""
    return f"{state}{by}: {armed['why']}"


def _window(window: Json) -> str:
    return f"in maintenance by {window['by']}, {span(window['left_s'])} left: {window['why']}"
