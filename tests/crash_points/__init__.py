"""The daemon dies, or stands still, at every boundary: in virtual time, and enumerated by the code.

A boundary is a call that leaves the daemon: of its store, of the cloud, of a power device, of a
consumer. Which calls there are is read from the Protocols in `doctor_daemon.ports`, and the order
in which a story crosses them from a first telling in which nothing goes wrong.

Before a call nothing of it has left; then it is done and its answer lost. After it is before the
next one: what a daemon only thinks is gone with it. It dies and is started again, its machine dies,
another daemon of its cluster takes over, or does so while the first one stands still, and wakes.
Or it lives on, and only the answer is lost.
"""
