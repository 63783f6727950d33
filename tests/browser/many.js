// Raw exports of many records, sound as docs/format.md has it.
"use strict";
const crypto = require("node:crypto");
const path = require("node:path");
const { linkOf, payloadDigest } = require(path.join(__dirname, "../../docs/verify.js"));

const OPENED = 0;
const NOTED = 18;
const ADMITTED = 22;
const ORIGIN = "example.org/many";

/** A text as payloads have it. */
function text(words) {
  const bytes = Buffer.from(words);
  const long = [251, bytes.length & 255, bytes.length >> 8];
  return Buffer.concat([Buffer.from(bytes.length > 250 ? long : [bytes.length]), bytes]);
}

/** An event of schema 1: its own fields, and an envelope with nothing but `recorded_by`. */
function payload(fields, by) {
  const recorder = by ? [Buffer.from([1]), text(by)] : [Buffer.from([0])];
  return Buffer.concat([Buffer.from([1]), ...fields, Buffer.from([0, 0]), ...recorder, Buffer.alloc(6)]);
}

/** The key of a recorder: its id, and its vkey. */
function recorderKey(name, pair) {
  const key = Buffer.concat([Buffer.from([1]), pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32)]);
  const digest = crypto.createHash("sha256").update(`${name}\n`).update(key).digest();
  const id = digest.subarray(0, 4);
  return { id, vkey: `${name}+${id.toString("hex")}+${key.toString("base64")}` };
}

function eventOf(seq, key) {
  if (seq === 0) return { kind: OPENED, bytes: payload([text(ORIGIN), Buffer.from([0])]) };
  if (seq === 1 && key) return { kind: ADMITTED, bytes: payload([text("alice"), text(key.vkey), Buffer.from([0])]) };
  const words = `Record ${seq}: the road between the two towns was inspected, and what was promised of it was found in part.`;
  return { kind: NOTED, bytes: payload([text(words), Buffer.from([0])], key && "alice") };
}

/** An export of this many records, each a batch of its own; with a pair of keys, its owner signs all from record 2 on. */
function exportOf(count, pair) {
  const key = pair ? recorderKey("alice", pair) : null;
  const lines = [];
  let prev = Buffer.alloc(32);
  for (let seq = 0; seq < count; seq++) {
    const { kind, bytes } = eventOf(seq, key);
    const salt = crypto.createHash("sha256").update(String(seq)).digest().subarray(0, 16);
    const header = Buffer.alloc(128);
    header.set([1, kind === NOTED ? 1 : 0, kind]);
    header.writeBigUInt64LE(BigInt(seq), 8);
    header.writeBigUInt64LE(1_700_000_000_000_000n + BigInt(seq), 16);
    header.writeUInt32LE(bytes.length, 28);
    header.set(prev, 32);
    header.set(payloadDigest(Buffer.concat([salt, bytes])), 64);
    prev = Buffer.from(linkOf(header));
    const link = prev.toString("hex");
    const isSigned = key && seq > 1;
    const record = [header, Buffer.from([isSigned ? 3 : 1]), salt, bytes];
    if (isSigned) {
      const message = `servanda recorder v1\n${ORIGIN}\n${seq + 1}\n${link}\n`;
      record.push(Buffer.from([1]), key.id, crypto.sign(null, Buffer.from(message), pair.privateKey));
    }
    lines.push(`{"seq":${seq},"link":"${link}","record":"${Buffer.concat(record).toString("hex")}"}\n`);
  }
  lines.push(`{"head":{"count":${count},"link":"${prev.toString("hex")}"}}\n`);
  return lines.join("");
}

module.exports = { exportOf };
