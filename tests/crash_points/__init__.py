"""The daemon dies, or stands still, at every boundary: in virtual time, and enumerated by the code.

A boundary is a call that leaves the daemon: of its store, of the cloud, of a power device, of a
consumer. Which calls there are is read from the Protocols in `doctor_daemon.ports`, and the order
in which a story crosses them from a first telling in which nothing goes wrong.
"""
