"""Clips every column to quantiles learnt from the training data."""
