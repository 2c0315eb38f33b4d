"""What has happened in a story, in the order of the world's time: for whoever reads one seed."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.incident import Incident


class Chronicle:
    """Lines with their moments."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self._said: dict[tuple[str, str], str] = {}

    def add(self, text: str) -> None:
        """Write down what happens now; what is before the world begins is at 0."""
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:
            now = 0.0
        self.lines.append((now, text))

    def heard(self, host: str, source: str, words: str) -> None:
        """Write down what a source says of a host, where it has not said just that."""
        if self._said.get((host, source)) != words:
            self._said[host, source] = words
            self.add(f"{source} says of {host}: {words}")

    def saved(self, before: Incident | None, after: Incident) -> None:
        """Write down what is new in a timeline."""
        known = len(before.timeline) if before else 0
        for entry in after.timeline[known:]:
            self.add(f"{after.host} {entry.phase}: {entry.text}")

    def told(self, until: str = "") -> str:
        """Tell it in words, up to a line that ends like this where there is one."""
        told = list[str]()
        for at, text in self.lines:
            told.append(f"{at:9.2f}  {text}")
            if until and text.endswith(until):
                break
        return "\n".join(told)
