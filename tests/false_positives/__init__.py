"""Hosts in network namespaces that are alive, and look dead: none of them may be cut."""
