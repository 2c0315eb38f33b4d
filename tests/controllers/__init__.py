"""The Nova controller: against the lab and rude peers, and a test for each trap it touches."""
