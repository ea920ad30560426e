"""CycloneDX documents: components, the schemas, the checks that schemas miss, and the BOM of an image."""
