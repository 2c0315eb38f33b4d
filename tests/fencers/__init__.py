"""The power devices."""
