"""The engine in virtual time, against small scripted instruments."""
