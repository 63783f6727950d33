// Holds docs/verify.js against the golden vectors, which the Rust tests read too, and its hashes and Ed25519 against
// node's. It ends with an error if anything differs.
"use strict";
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "../../..");
const verifier = require(path.join(root, "docs/verify.js"));
const golden = (name) => fs.readFileSync(path.join(root, "fixtures/golden", name), "utf8");
const { hex, unhex } = verifier;

function payloads() {
  const lines = golden("payloads.ndjson").trim().split("\n");
  assert.ok(lines.length > 200);
  for (const line of lines) {
    const { event, kind, payload } = JSON.parse(line);
    // JSON.parse cannot keep a number beyond 2^53.
    const target = verifier.decimal(/"target":([0-9]+),"payload"/.exec(line)[1]);
    const read = { event: verifier.KINDS.get(kind).word, ...verifier.decodeEvent(kind, target, unhex(payload)) };
    // The vectors have each value as a text.
    const asTexts = Object.entries(read).map(([name, value]) => [name, Array.isArray(value) ? value.map(String) : String(value)]);
    assert.deepEqual(Object.fromEntries(asTexts), event);
    // Each byte is needed, and none more.
    for (const wrong of [payload.slice(0, -2), `${payload}00`]) {
      assert.throws(() => verifier.decodeEvent(kind, target, unhex(wrong)), verifier.Malformed);
    }
  }
}

function chain() {
  for (const record of JSON.parse(golden("chain.json")).records) {
    assert.equal(hex(verifier.linkOf(unhex(record.header))), record.link);
    assert.equal(hex(verifier.payloadDigest(unhex(record.salt + record.payload))), record.payload_digest);
  }
}

async function exports() {
  for (const [name, records, signatures] of [["raw", 4, 0], ["asserted", 4, 0], ["redacted", 7, 0], ["signed", 13, 6]]) {
    const one = new verifier.Verifier();
    await verifier.readExport([new TextEncoder().encode(golden(`${name}.ndjson`))], one);
    const verdict = await one.conclude();
    assert.deepEqual([verdict.code, verdict.records, verdict.signatures], [0, records, signatures], name);
  }
}

function hashes() {
  assert.equal(hex(verifier.blake3(new Uint8Array())), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  for (const length of [0, 1, 55, 56, 63, 64, 119, 120, 129, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i % 251);
    assert.equal(hex(verifier.sha256(bytes)), crypto.createHash("sha256").update(bytes).digest("hex"));
  }
}

/** Signatures that verifiers differ on: all that is not the one signature is refused, by the platform or by our own. */
async function ed25519() {
  const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
  const platform = await verifier.platformEd25519();
  assert.ok(platform, "this node has no Ed25519 that is as strict as docs/format.md");
  for (let round = 0; round < 8; round++) {
    const pair = crypto.generateKeyPairSync("ed25519");
    const key = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32));
    const message = new Uint8Array(crypto.randomBytes(13 * round));
    const signature = new Uint8Array(crypto.sign(null, message, pair.privateKey));
    assert.ok(verifier.soundKey(key) && verifier.isStrict(signature));
    assert.equal(verifier.equationHolds(key, message, signature), true);
    const s = BigInt(`0x${hex(signature.slice(32).reverse())}`) + ORDER;
    const more = signature.slice();
    more.set(unhex(s.toString(16).padStart(64, "0")).reverse(), 32);
    assert.equal(verifier.isStrict(more), false);
    for (const at of [0, 31, 32, 50]) {
      const other = signature.slice();
      other[at] ^= 1;
      assert.equal(verifier.equationHolds(key, message, other), false);
      assert.equal(await platform(key, message, other), false);
    }
  }
  // Points of small order, and encodings that are not canonical: no key, and no R.
  const small = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000080",
  ];
  for (const bytes of small) {
    assert.ok(!verifier.soundKey(unhex(bytes)), bytes);
    assert.equal(verifier.isStrict(unhex(bytes + "00".repeat(32))), false, bytes);
  }
}

async function main() {
  payloads();
  chain();
  await exports();
  hashes();
  await ed25519();
}

main();
