"""Using a bundle: rows in, the original's answers out. Needs onnxruntime and numpy, nothing else."""
