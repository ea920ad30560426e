"""Proving models whose inputs are named tensors: their own kind of example, probes and contract."""
