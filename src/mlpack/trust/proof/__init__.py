"""What proves a signature: the signature file, certificates, timestamps and log entries, read and checked.

`verify` and `verify_signature` differ in what they demand of all this, and share how it is checked. No trust
comes from what travels with a signature: anchors, roots and keys are the verifier's. There is no network
here, and sigstore is not imported.
"""
