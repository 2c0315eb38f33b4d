"""A picture of a series, as SVG: a panel for each number, over the pieces of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.samples import Sample

WIDTH, HEIGHT, LEFT, TOP, GAP = 860, 92, 170, 40, 26
PLOT = WIDTH - LEFT - 30
MIB = 1024 * 1024
INK, FAINT, LINE, MARK = "#24292f", "#d0d7de", "#0969da", "#cf222e"


@dataclass(frozen=True, slots=True)
class Panel:
    """One number of a sample, in the unit in which it is drawn."""

    title: str
    of: Callable[[Sample], float]


PANELS = (
    Panel("memory, MiB", lambda one: one.rss_kib / 1024),
    Panel("database and log, MiB", lambda one: one.stored_bytes / MIB),
    Panel("keys of evidence kept", lambda one: one.evidence_keys),
    Panel("incidents kept", lambda one: one.incidents),
    Panel("file descriptors", lambda one: one.files),
    Panel("tasks", lambda one: one.tasks),
    Panel("threads", lambda one: one.threads),
    Panel("loop lag, ms, worst", lambda one: one.lag_max_s * 1000),
    Panel("commit, ms, mean", lambda one: one.commit_s * 1000),
    Panel("pieces a second", lambda one: one.rate_per_s),
)


def drawn(samples: Sequence[Sample], bite: int | None, title: str) -> str:
    """Draw a series of one sample at least. `bite`: since which piece retention bites."""
    height = TOP + len(PANELS) * (HEIGHT + GAP) + 20
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    parts = [head, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    parts.append(f'<text x="12" y="22" font-size="14">{escape(title)}</text>')
    last = samples[-1].pieces
    for number, panel in enumerate(PANELS):
        parts += _panel(panel, samples, TOP + number * (HEIGHT + GAP), last)
    bottom = height - 20 - GAP
    if bite is not None:
        x = LEFT + PLOT * bite / last
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}" stroke="{MARK}" '
            'stroke-dasharray="4 3"/>'
        )
        told = "from here on the oldest of everything is dropped"
        parts.append(f'<text x="{x + 4:.1f}" y="{TOP - 2}" fill="{MARK}">{told}</text>')
    parts.append(f'<text x="{LEFT}" y="{height - 12}">0</text>')
    end = f"{last:,} pieces of evidence"
    parts.append(f'<text x="{LEFT + PLOT}" y="{height - 12}" text-anchor="end">{end}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, samples: Sequence[Sample], top: int, last: int) -> Iterator[str]:
    values = [panel.of(one) for one in samples]
    most = max(values) * 1.1 or 1.0
    below = top + HEIGHT
    points = " ".join(
        f"{LEFT + PLOT * one.pieces / last:.1f},{below - HEIGHT * value / most:.1f}"
        for one, value in zip(samples, values, strict=True)
    )
    box = f'x="{LEFT}" y="{top}" width="{PLOT}" height="{HEIGHT}"'
    yield f'<rect {box} fill="none" stroke="{FAINT}"/>'
    yield f'<text x="12" y="{top + HEIGHT // 2}">{panel.title}</text>'
    yield f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,.4g}</text>'
    yield f'<text x="{LEFT - 6}" y="{below}" text-anchor="end">0</text>'
    yield f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="1.5"/>'
