"""`doctor-daemon demo`: a host of a simulated cloud dies, and the real daemon sees to it.

The cloud is the lab, in this process; the daemon is a process of its own, with a configuration and
a bearer token, armed by the command an operator types and accused by the webhook that Alertmanager
sends. What it says of itself is the story on the screen. What is summed up at the end is not taken
from it: that is counted from the lab's record, its witness and its consumers.
"""
