"""Scoring tables of any size: one Arrow scorer, and the engines that feed it."""
