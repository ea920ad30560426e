"""Making a bundle: adapter, export, environment, evidence, BOM, in that order."""
