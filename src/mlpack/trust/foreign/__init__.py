"""Other people's signatures: OpenSSF Model Signing over any folder or file, and Sigstore bundles over files.

Nothing here knows of our bundles, and none of its tolerance reaches them.
"""
