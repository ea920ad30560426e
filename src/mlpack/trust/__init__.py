"""Who says so: keys, signatures, policies and verification."""
