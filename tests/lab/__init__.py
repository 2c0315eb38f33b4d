"""The lab's tests, and the contracts that it shares with the real services.

A contract is a class of tests that take a `target`. The lab passes it here; a real Nova, a real
Keystone and a real Redfish emulator pass the same one.
"""

import pytest

for _name in ("keystone_contract", "nova_api", "nova_services", "nova_servers", "redfish_contract"):
    pytest.register_assert_rewrite(f"{__name__}.{_name}")
