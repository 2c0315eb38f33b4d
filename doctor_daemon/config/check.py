"""Check a configuration without the outside world: what is wrong, what to beware of, what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from doctor_daemon.config.load import load
from doctor_daemon.config.settings import Settings
from doctor_daemon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, a text each. Without errors there are settings."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    summary: tuple[str, ...]
    settings: Settings | None

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole, for reading."""
        return (
            *(f"error: {text}" for text in self.errors),
            *(f"warning: {text}" for text in self.warnings),
            *self.summary,
        )


def check(path: Path) -> Report:
    """Check a file offline: it and the files that it names are read, nothing is connected to."""
    try:
        settings = load(path)
    except ConfigError as error:
        errors = tuple(str(error).splitlines())
        return Report(errors, (), (f"{path}: {len(errors)} errors",), None)
    return Report((), settings.warnings, tuple(_summary(settings)), settings)


def _summary(settings: Settings) -> Iterator[str]:
    yield f"{settings.file}: valid"
    yield f"mode: {settings.mode.name.lower()}; no host goes beyond it"
    modes = Counter(plan.mode.name.lower() for plan in settings.plans.values())
    counted = ", ".join(f"{count} {mode}" for mode, count in sorted(modes.items()))
    protected = sum(bool(plan.protected) for plan in settings.plans.values())
    domains = len({plan.domain for plan in settings.plans.values()})
    yield (
        f"hosts: {len(settings.plans)} ({counted or 'none'}), {protected} protected, in {domains} "
        f"failure domains; {len(settings.devices)} power devices; {len(settings.aliases)} aliases"
    )
    yield f"cloud: {settings.cloud.name} ({settings.cloud.kind}); state: {settings.store.kind}"
    for source in settings.sources:
        trust, kind = source.terms.trust.value, source.auth.kind.value
        yield f"source: {source.name} ({source.kind}), trust {trust}, authenticated by {kind}"
    for consumer in settings.consumers:
        yield f"consumer: {consumer.name} ({consumer.kind})"
    policy = settings.policy
    earliest_s = policy.grace_s + policy.off_hold_s
    yield (
        f"timing: proven off no earlier than {earliest_s:g} s after the first evidence; at most "
        f"{policy.budget_per_domain} hosts a domain and {policy.budget_total} in all "
        f"in {policy.budget_window_s:g} s"
    )
