"""The chaos of tests/chaos, before a real Nova and real emulators of BMCs."""
