"""Mutants: each breaks one comparison or condition of the daemon, and a test has to notice."""
