"""How fast the daemon is, beside the least that anybody could need: see docs/benchmarks.md."""
