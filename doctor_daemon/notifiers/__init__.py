"""Notifiers: how consumers are told."""
