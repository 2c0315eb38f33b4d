"""Tests that the tests of the mutants have tried: they are run by name alone, and judge nothing."""
