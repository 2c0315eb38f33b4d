"""Proves that a failed OpenStack compute host is off, and only then has Nova force it down.

The version stands here and nowhere else: the package's metadata is made from it.
"""

__version__ = "0.1.0"
