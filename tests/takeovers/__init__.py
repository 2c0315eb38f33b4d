"""Leaders are killed, one after the other: the next one goes on in time, and does nothing twice."""
