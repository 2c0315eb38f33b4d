"""Who may act: at most one daemon at a time."""
