"""The whole slice: the real daemon as a process of its own, against the lab over real HTTP."""
