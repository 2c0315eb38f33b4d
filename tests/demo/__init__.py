"""The demonstration, as it is watched: each story is played by the real command."""
