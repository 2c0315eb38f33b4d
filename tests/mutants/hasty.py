"""How pytest is called by the mutants: quickly, and ended at the first failure."""

from __future__ import annotations

OPTIONS = ("-x", "-q", "-s", "--tb=short", "-p", "no:cacheprovider", "-o", "timeout=0")


class Hasty:
    """A plug-in of pytest: a counter-example is enough, nobody reads the smallest one."""

    def pytest_sessionstart(self) -> None:
        # Not before pytest has begun: it wants to import hypothesis itself.
        from hypothesis import Phase, settings  # noqa: PLC0415 - see above

        house = settings.get_profile("house")
        settings.register_profile("hasty", house, phases=[Phase.explicit, Phase.generate])
        settings.load_profile("hasty")
