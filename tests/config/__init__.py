"""The configuration: what it accepts, and with which words it refuses the rest."""
