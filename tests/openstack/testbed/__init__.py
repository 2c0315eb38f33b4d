"""A real OpenStack control plane on loopback, with one nova-compute process per pretended host.

Nova, Keystone, Placement and Cinder are pinned in ``constraints.txt``; MariaDB and RabbitMQ are
Debian's. Cinder is started only for the tests that ask for it. Not real are the image and network
services (``stub.py``), the hypervisor (``driver.py``), whose guests outlive nova-compute as real
ones do, and the volumes' back ends (``volume_driver.py``).
"""
