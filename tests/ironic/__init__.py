"""A real Ironic: what the lab's pretends to be, and what the power device `ironic` meets."""
