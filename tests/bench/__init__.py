"""Tests of the benchmark: its figures, its settings, and that it runs."""
