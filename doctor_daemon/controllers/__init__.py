"""Controllers: the cloud's control plane as it really speaks. Nova is the one there is."""
