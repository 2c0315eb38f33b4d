"""Inspectors: what senders send, and what becomes of it."""
