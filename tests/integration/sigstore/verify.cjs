// A second verifier: sigstore-js. Ends with 0 if the signature holds for IDENTITY and ISSUER.
// usage: node verify.cjs TRUSTED_ROOT SIGNATURE IDENTITY ISSUER
"use strict";

const fs = require("fs");

const { bundleFromJSON } = require("@sigstore/bundle");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [, , root, signature, identity, issuer] = process.argv;
const read = (place) => JSON.parse(fs.readFileSync(place));
const material = toTrustMaterial(TrustedRoot.fromJSON(read(root)));
const verifier = new Verifier(material, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 });
verifier.verify(toSignedEntity(bundleFromJSON(read(signature))), {
  subjectAlternativeName: identity,
  extensions: { issuer },
});
