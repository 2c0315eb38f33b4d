"""The judge of all scenarios: it sees what it is there to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slice.site import Site, secret, site


async def test_the_judge_of_every_scenario_can_find_guilty(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        place.log.write_text("all is well\n")
        place.judge()
        for word in ("internal error", "Traceback", *place.secrets()):
            place.log.write_text(f"12:00 warning {word} host=compute-1\n")
            _guilty(place)
        place.log.write_text("all is well\n")
        (tmp_path / "state").mkdir()
        secret(tmp_path / "state" / "kept", place.lab.redfish.password)
        _guilty(place)
        (tmp_path / "state" / "kept").unlink()
        service = place.host("compute-1").service
        place.lab.world.force_down(service, forced_down=True, by="doctor")
        _guilty(place)
        place.lab.record.entries.clear()


def _guilty(place: Site) -> None:
    with pytest.raises(AssertionError):
        place.judge()
