"""Is this version good enough?"""
