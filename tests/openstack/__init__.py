"""The daemon against the real thing: Nova, Keystone, Placement, Redfish, Prometheus, Alertmanager.

A simulated cloud answers as its author believes the real one does. Here nothing is believed: the
alert, the power cut, the force-down and the signed notice go through the software that operators
run, and a checker replays what happened to the guests.
"""
