// A whole Sigstore on one loopback port: OpenID Connect issuer, Fulcio, CT log, Rekor v1 and v2, RFC 3161 authority.
// The npm package @sigstore/mock does the cryptography; this speaks the wire formats that real clients use.
// usage: node server.cjs PORT FOLDER     writes trust_config.v1.json, trust_config.v2.json, trusted_root.json there
//
// Claims of a token that mean something here only: `san` is the identity in the certificate (otherwise `sub`), and
// `seconds_left` makes a certificate that ends in so many seconds.
//
// A second time stamper, in trusted_root.past.json only, lives three days ago: /past/timestamp.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const path = require("path");

const jose = require("jose");
const mock = require("@sigstore/mock");
const pkijs = require("pkijs");
const x509 = require("@peculiar/x509");

const port = Number(process.argv[2]);
const folder = process.argv[3];
const base = `http://127.0.0.1:${port}`;

const LIFETIME_MS = 10 * 60 * 1000; // of every certificate of @sigstore/mock
const TSA_POLICY = "1.3.6.1.4.1.57264.2";
const SHA256_OID = "2.16.840.1.101.3.4.2.1";
const PAST_MS = 3 * 24 * 3600e3;
const validFor = { start: new Date(Date.now() - 3600e3).toISOString() };

const newKey = () => crypto.generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest();

// A Date that is whatever `milliseconds` says, in whole seconds: DER drops the zeros that end a fraction of a second,
// and sigstore-js then says "invalid time".
function clock(milliseconds) {
  return new Proxy(new Date(), {
    get(_target, property) {
      const moment = new Date(Math.floor(milliseconds() / 1000) * 1000);
      const value = moment[property];
      return typeof value === "function" ? value.bind(moment) : value;
    },
  });
}

// Its certificates begin when they are made, whatever clock the time stamper is given.
async function inThePast(make) {
  const Now = Date;
  globalThis.Date = class extends Now {
    constructor(...when) {
      super(...(when.length ? when : [Now.now() - PAST_MS]));
    }
    static now() {
      return Now.now() - PAST_MS;
    }
  };
  try {
    return await make();
  } finally {
    globalThis.Date = Now;
  }
}

async function start() {
  const key = { ca: newKey(), ct: newKey(), log: newKey(), tsa: newKey(), oidc: newKey() };
  const ct = await mock.initializeCTLog(key.ct);
  let issued = Date.now(); // stands still while a certificate is made: its precertificate must have the same times
  const ca = await mock.initializeCA(key.ca, ct, clock(() => issued));
  const log = await mock.initializeTLog(base, key.log);
  const tsa = await mock.initializeTSA(key.tsa, clock(Date.now));
  const now = Date.now;
  const past = await inThePast(() => mock.initializeTSA(newKey(), clock(() => now() - PAST_MS)));
  const fulcio = {
    sub: mock.fulcioHandler(ca, { strict: true, subjectClaim: "sub" }),
    san: mock.fulcioHandler(ca, { strict: true, subjectClaim: "san" }),
  };

  writeTrust(ca, ct, log, tsa, past);

  const publicKey = { ...(await jose.exportJWK(key.oidc.publicKey)), alg: "ES256", kid: "local", use: "sig" };
  const mint = (claims, signingKey = key.oidc.privateKey) =>
    new jose.SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: "local" })
      .setIssuer(claims.iss || base)
      .setAudience(claims.aud || "sigstore")
      .setIssuedAt()
      .setExpirationTime("10m")
      .sign(signingKey);

  async function certificate(_query, body, headers) {
    const request = JSON.parse(body);
    const token =
      (headers.authorization || "").replace(/^Bearer /, "") || request.credentials?.oidcIdentityToken;
    const { payload } = await jose.jwtVerify(token, key.oidc.publicKey, { audience: "sigstore" });
    let csr = request.certificateSigningRequest;
    if (csr && !csr.includes("BEGIN")) csr = Buffer.from(csr, "base64").toString(); // clients send base64 of PEM
    if (csr && !(await new x509.Pkcs10CertificateRequest(csr).verify())) throw new Error("no proof of possession");
    const handler = payload.san ? fulcio.san : fulcio.sub;
    issued = Date.now() - (payload.seconds_left ? LIFETIME_MS - payload.seconds_left * 1000 : 0);
    const credentials = { oidcIdentityToken: token };
    const answer = await handler.fn(JSON.stringify({ ...request, certificateSigningRequest: csr, credentials }));
    if (answer.statusCode !== 201) throw new Error(answer.response);
    return JSON.parse(answer.response);
  }

  // Rekor v1 keeps hashes of a DSSE envelope, not the envelope.
  function logEntry(_query, body) {
    const proposal = JSON.parse(body);
    const content = proposal.spec.proposedContent;
    if (proposal.kind !== "dsse" || !content) return log.log(proposal);
    const envelope = JSON.parse(content.envelope);
    const hash = (bytes) => ({ algorithm: "sha256", value: sha256(bytes).toString("hex") });
    return log.log({
      apiVersion: proposal.apiVersion,
      kind: "dsse",
      spec: {
        envelopeHash: hash(content.envelope),
        payloadHash: hash(Buffer.from(envelope.payload, "base64")),
        signatures: envelope.signatures.map((one, at) => ({
          signature: one.sig,
          verifier: content.verifiers[at],
        })),
      },
    });
  }

  // Rekor v2 keeps hashedrekord 0.0.2 for artifacts and envelopes alike; its answer is made from the v1 proof.
  async function logEntryV2(_query, body) {
    const request = JSON.parse(body).hashedRekordRequestV002;
    if (!request) throw new Error("unsupported entry type");
    const data = { algorithm: "SHA2_256", digest: request.digest };
    const spec = { hashedRekordV002: { data, signature: request.signature } };
    const [entry] = Object.values(await log.log({ apiVersion: "0.0.2", kind: "hashedrekord", spec }));
    const proof = entry.verification.inclusionProof;
    return {
      logIndex: "0",
      logId: { keyId: base64(Buffer.from(entry.logID, "hex")) },
      kindVersion: { kind: "hashedrekord", version: "0.0.2" },
      inclusionProof: {
        logIndex: "0",
        treeSize: "1",
        hashes: [],
        rootHash: base64(Buffer.from(proof.rootHash, "hex")),
        checkpoint: { envelope: proof.checkpoint },
      },
      canonicalizedBody: entry.body,
    };
  }

  // Queries come as DER (Python, Go) or as JSON (sigstore-js). The nonce is not echoed.
  const timestamp = (by) => async (_query, body, headers) => {
    let artifactHash, certReq;
    if ((headers["content-type"] || "").includes("json")) {
      const query = JSON.parse(body);
      [artifactHash, certReq] = [Buffer.from(query.artifactHash, "base64"), query.certificates];
    } else {
      const query = pkijs.TimeStampReq.fromBER(body);
      [artifactHash, certReq] = [Buffer.from(query.messageImprint.hashedMessage.valueBlock.valueHexView), query.certReq];
    }
    const settings = { hashAlgorithmOID: SHA256_OID, policyOID: TSA_POLICY, nonce: 1 };
    return Buffer.from(await by.timestamp({ artifactHash, certReq: certReq ?? false, ...settings }));
  };

  const routes = {
    "/.well-known/openid-configuration": () => ({
      issuer: base,
      authorization_endpoint: `${base}/auth`,
      token_endpoint: `${base}/token`,
      jwks_uri: `${base}/keys`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    }),
    "/keys": () => ({ keys: [publicKey] }),
    "/mint": (_query, body) => mint(JSON.parse(body)), // claims in, identity token out
    "/forge": (_query, body) => mint(JSON.parse(body), newKey().privateKey), // the same, by another key
    "/ambient": async (query) => ({ value: await mint({ ...githubJob, aud: query.get("audience") }) }),
    "/api/v2/signingCert": certificate,
    "/api/v1/log/entries": logEntry,
    "/api/v2/log/entries": logEntryV2,
    "/api/v1/timestamp": timestamp(tsa),
    "/past/timestamp": timestamp(past),
  };
  http.createServer((request, response) => answer(routes, request, response)).listen(port, "127.0.0.1", () => {
    console.log(`ready ${base}`);
  });
}

// What GitHub says of a job: the answer of ACTIONS_ID_TOKEN_REQUEST_URL.
const githubJob = {
  iss: "https://token.actions.githubusercontent.com",
  sub: "repo:acme/models:ref:refs/heads/main",
  san: "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main",
  repository: "acme/models",
  repository_id: "4711",
  ref: "refs/heads/main",
  sha: "a".repeat(40),
  event_name: "push",
  workflow: "release",
  workflow_ref: "acme/models/.github/workflows/release.yml@refs/heads/main",
  job_workflow_ref: "acme/models/.github/workflows/release.yml@refs/heads/main",
  runner_environment: "github-hosted",
  run_id: "1",
  run_attempt: "1",
};

function writeTrust(ca, ct, log, tsa, past) {
  const instance = (spki) => ({
    baseUrl: base,
    hashAlgorithm: "SHA2_256",
    logId: { keyId: base64(sha256(spki)) },
    publicKey: { rawBytes: base64(spki), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
  });
  const authority = (...certificates) => ({
    subject: { organization: "local test", commonName: "local test" },
    uri: base,
    validFor,
    certChain: { certificates: certificates.map((der) => ({ rawBytes: base64(der) })) },
  });
  const service = (url, majorApiVersion) => ({ url, majorApiVersion, validFor, operator: "local" });
  const trustedRoot = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [instance(log.publicKey)],
    ctlogs: [instance(ct.publicKey)],
    certificateAuthorities: [authority(ca.rootCertificate)],
    timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
  };
  const trustConfig = (rekor) => ({
    mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    trustedRoot,
    signingConfig: {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [service(base, 1)],
      oidcUrls: [service(base, 1)],
      rekorTlogUrls: [service(base, rekor)],
      rekorTlogConfig: { selector: "ANY" },
      tsaUrls: [service(`${base}/api/v1/timestamp`, 1)],
      tsaConfig: { selector: "ANY" },
    },
  });
  const write = (name, value) => fs.writeFileSync(path.join(folder, name), JSON.stringify(value));
  write("trust_config.v1.json", trustConfig(1));
  write("trust_config.v2.json", trustConfig(2));
  write("trusted_root.json", trustedRoot);
  const then = { start: new Date(Date.now() - 2 * PAST_MS).toISOString() };
  const older = { ...authority(past.intCertificate, past.rootCertificate), validFor: then };
  const stampers = [...trustedRoot.timestampAuthorities, older];
  write("trusted_root.past.json", { ...trustedRoot, timestampAuthorities: stampers });
}

async function answer(routes, request, response) {
  const url = new URL(request.url, base);
  const route = routes[url.pathname];
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (!route) return response.writeHead(404).end();
  // Fulcio answers 200, and Go's client insists on it; the log and the time stamper say 201.
  const created = request.method === "POST" && !url.pathname.startsWith("/api/v2/signingCert") ? 201 : 200;
  try {
    const result = await route(url.searchParams, Buffer.concat(chunks), request.headers);
    const [kind, body] = Buffer.isBuffer(result)
      ? ["application/timestamp-reply", result]
      : typeof result === "string"
        ? ["text/plain", result]
        : ["application/json", JSON.stringify(result)];
    const headers = { "content-type": kind };
    if (url.pathname === "/api/v1/log/entries") headers.etag = Object.keys(result)[0]; // how Go's client finds its entry
    response.writeHead(created, headers).end(body);
  } catch (error) {
    const body = JSON.stringify({ code: 3, message: String(error.message || error) });
    response.writeHead(400, { "content-type": "application/json" }).end(body);
  }
}

start();
