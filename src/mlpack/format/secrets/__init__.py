"""The gate against secrets: what nobody means to publish, found before it is written or signed."""
