"""Our own double-precision emitters, one module per model family."""
