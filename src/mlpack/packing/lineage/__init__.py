"""Where a model comes from: its data by fingerprint, its source by digest, its run by name."""
