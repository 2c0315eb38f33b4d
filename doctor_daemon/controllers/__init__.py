"""Controllers: the cloud's control plane as it really speaks: Nova, and Cinder's services."""
