"""What the signed history of a repository says: events, their chain, checkpoints. No network."""
