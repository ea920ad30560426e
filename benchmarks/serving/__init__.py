"""mlpack's server beside others, over one model, one load generator, in one run."""
