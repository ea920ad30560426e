"""Golden rows and parity, measured through the very runtime that will serve."""
