"""Power devices that lie, before the daemon's own process; judged by what happened to the hosts.

A proof is never given wrongly wherever a second device or a sign of life exists, and the right ones
are given. `tests/engine/test_lying_devices.py` asks the same of the engine, in virtual time.
"""
