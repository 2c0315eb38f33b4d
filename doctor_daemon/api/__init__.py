"""How the outside reaches the daemon: the listener for evidence, and the operators' interface."""
