"""The unit, as a real systemd runs it. Needs root; `make test-systemd` installs the rest."""
