"""Mutants: each breaks one comparison or condition of the core, and a test has to notice."""
