"""Where state is kept: in memory for simulations and trials, in SQLite for service."""
