"""What the daemon serves: the listener for evidence, and the operators' interface."""
