"""The functional core: plain values and pure functions.

Nothing here reads a clock, awaits, logs or touches the network, so every decision can be
replayed from what was saved. `decide` is the way in; `phases` is the whole diagram.
"""
