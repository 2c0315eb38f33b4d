"""The log: what stands on a line, and what never does."""
