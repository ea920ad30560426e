"""What changed between two bundles. Nothing in either of them is executed."""
