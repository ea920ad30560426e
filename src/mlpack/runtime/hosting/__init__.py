"""An interpreter for host steps: text, calendars and sparse rows, exactly as the original computes them."""
