"""Heartbeats: hosts say that they live, and one process listens for who falls silent.

Both ends run where little should be loaded, on every compute node and in a process that does
nothing else. So this package imports the standard library, the errors, and nothing more.
"""
