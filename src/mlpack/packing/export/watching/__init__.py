"""Functions on DataFrames, watched at work: what they do becomes host steps, or they are refused by line."""
