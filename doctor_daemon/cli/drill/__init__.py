"""`doctor-daemon drill`: one whole incident, with a host's power really cut, around one server.

It is a client like an operator at a terminal: it gives the daemon the orders that anybody may give,
who are refused by the same gates, and asks Nova besides what has become of its server. Nothing in
the daemon knows that it is a drill.
"""
