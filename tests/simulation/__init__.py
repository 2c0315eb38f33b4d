"""A data centre that fails on purpose, in virtual time, from one seed, around the real engine."""
