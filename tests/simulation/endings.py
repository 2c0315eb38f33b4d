"""The last judgement: what must hold once the faults are over and time has passed."""

from __future__ import annotations

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.survey import underway
from doctor_daemon.ports import NoticeRow
from tests.simulation.oracle import Oracle

PATIENCE_S = 60.0
"""How much later than it is due something may come about: the daemon may have been away."""


class Ending:
    """Judges what an oracle has seen of a whole story."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def judge(self, heard: dict[str, list[NoticeRow]]) -> None:
        """Check that everything has come to an end, that nothing was lost, and all of it told."""
        oracle = self._oracle
        for incident in oracle.disk.saved.values():
            if incident.phase is Phase.DOWN:
                left = [r for r in incident.evacuations.values() if not r.stage.ended]
                told = f"{len(left)} servers of {incident.host} have no outcome"
                oracle.check("L-2", not left, told)
                gone_at, limit_s = incident.release.gone_at, oracle.policy.progress_s + PATIENCE_S
                late = gone_at is not None and oracle.clock.now().since(gone_at) > limit_s
                oracle.check("L-2", not late, f"{incident.host} is neither down nor given back")
                told = f"{incident.host} is still being taken out"
                oracle.check("L-2", underway(incident) is None, told)
            ended = incident.phase.final or incident.phase in (Phase.DOWN, Phase.HELD)
            oracle.check("L-2", ended, f"{incident.host} is still {incident.phase}")
        for key, count in oracle.opened_by.items():
            oracle.check("I-12", count <= 1, f"event {key} opened {count} incidents")
        for id_, source in oracle.accused:
            saved = oracle.disk.saved.get(id_)
            said = saved is not None and any(w.source == source for w in saved.words.values())
            oracle.check("L-4", said, f"evidence of {source} for {id_} was accepted and lost")
        for consumer, rows in heard.items():
            self._told(consumer, rows)

    def _told(self, consumer: str, rows: list[NoticeRow]) -> None:
        oracle = self._oracle
        mine = [row for row in oracle.notices.values() if row.consumer == consumer]
        got = {row.id for row in rows}
        for row in mine:
            known = row.id in got or row.id in oracle.disk.dead
            oracle.check("L-4", known, f"{consumer} never heard {row.id}")
        for row in rows:
            made = oracle.notices.get(row.id)
            if made is None:
                oracle.wrong(f"L-4: {consumer} heard {row.id}, which was never saved")
            else:
                oracle.check("L-4", made.body == row.body, f"{row.id} told with another body")
        for host in {row.host for row in rows}:
            mine = [row for row in rows if row.host == host]
            firsts = list(dict.fromkeys(row.sequence for row in mine))
            gap = any(row.gap_before for row in mine)  # what was given up may still come, late
            oracle.check("L-4", gap or firsts == sorted(firsts), f"{consumer}: {host} out of order")
