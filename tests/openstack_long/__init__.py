"""What a real OpenStack shows and takes long to show: `make test-openstack-long`."""
