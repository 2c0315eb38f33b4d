"""The imperative shell: the only place with tasks and queues. It saves, then does."""
