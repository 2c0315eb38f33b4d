"""Masakari's own monitor and openstacksdk, unchanged, against a source of type `masakari`."""
