"""What is particular to a store; what is common to all is in `tests/contracts/`."""
