"""A real OpenStack control plane on loopback, with one nova-compute process per pretended host.

Nova, Keystone and Placement are pinned in ``constraints.txt``; MariaDB and RabbitMQ are Debian's.
Not real are the image and network services (``stub.py``) and the hypervisor (``driver.py``), whose
guests outlive nova-compute as real ones do.
"""
