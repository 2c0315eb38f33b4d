"""Inspectors: what turns the outside world into evidence.

Each is a plug-in in a file of its own, with its options beside it. Those that are told by HTTP
share how a body is read (`wire`), how what it says is handed in (`delivery`), and how old news is
known from new (`order`).
"""
