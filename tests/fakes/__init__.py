"""Stand-ins for the outside: each passes the contract suite of what it stands for, or is a wire."""
