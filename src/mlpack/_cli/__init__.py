"""The command `mlpack`: one small file per command."""
