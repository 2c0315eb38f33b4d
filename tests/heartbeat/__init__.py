"""Heartbeats: the datagram, the agent, the listener, and what becomes of silence."""
