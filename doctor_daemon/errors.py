"""Errors that cross a port, split by what the caller can do. Everything else is a bug."""

from __future__ import annotations


class DoctorError(Exception):
    """Something outside the daemon went wrong."""


class Temporary(DoctorError):
    """It may work when asked again. What was asked for may or may not have been done."""

    retry_after_s: float | None = None
    """When the other side wishes to be asked again, if it said so."""


class Nameless(Temporary):
    """A name could not be resolved: nothing is known of who bears it, and nobody was asked."""


class Permanent(DoctorError):
    """Asking again is no use; it certainly was not done."""


class Conflict(DoctorError):
    """Someone newer has written: stop leading."""


class ConfigError(DoctorError):
    """The configuration cannot be used. The text names file, path, what was found and expected."""


class LateError(DoctorError):
    """The permit had run out before the call was sent; nothing was sent."""
