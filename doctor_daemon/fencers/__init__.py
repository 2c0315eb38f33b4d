"""Power devices: how a host's power is read and cut. They never state a proof."""
