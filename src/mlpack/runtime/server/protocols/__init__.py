"""One module per protocol: which paths it has, how it reads rows, how it writes answers and errors."""
