"""The operator's commands: `doctor-daemon COMMAND`."""
