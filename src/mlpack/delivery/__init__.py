"""Moving what was made: to and from registries."""
