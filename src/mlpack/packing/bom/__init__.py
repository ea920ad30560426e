"""sbom/bom.cdx.json: what a bundle is made of, as a CycloneDX ML-BOM."""
