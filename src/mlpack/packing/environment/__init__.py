"""The environment that a model was trained in: its facts, and the lock of what serving needs."""
