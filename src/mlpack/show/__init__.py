"""Facts and their three renderings: text for terminals and logs, JSON for programs, HTML for notebooks."""
