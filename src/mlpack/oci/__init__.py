"""Content-addressed storage: registries, local layouts and referrers. Knows nothing of models or bundles."""
