"""Three daemons and three members of etcd, killed, stopped and cut off while hosts die."""
