#!/usr/bin/env node
// Verifies what `servanda export --raw` wrote, in a browser or in node. It needs no other file, no package and no server.
//
//     node verify.js [--checkpoint FILE] [--log-key VKEY] [--policy FILE] [--head COUNT:LINK] [--events] [FILE]
//
// verify.html is the page for it: it works from a disk and with the network off, and sends nothing anywhere. Written from
// format.md alone, which says what every byte means and what a verifier checks. It knows no rules of events: what it did
// not check stands in each verdict.
"use strict";

// One function around all that verifies: a page hands its text to a worker, because a page that was opened from a disk
// cannot start a worker from a file.
function servandaVerifier() {
"use strict";

// ---- Bytes, numbers and texts ----

/** What is not as format.md has it. The message says what is wrong. */
class Malformed extends Error {}

const toUtf8 = new TextEncoder();
// Without `ignoreBOM` a decoder drops a mark of the byte order, and two texts would be one.
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes) {
  try {
    return fromUtf8.decode(bytes);
  } catch {
    throw new Malformed("a text is not UTF-8");
  }
}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const NIBBLES = new Int8Array(65536).fill(-1);
for (let digit = 0; digit < 16; digit++) NIBBLES[digit.toString(16).charCodeAt(0)] = digit;

function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** The bytes of lower-case hexadecimal digits; null if the text has anything else in it. */
function unhex(text) {
  if (text.length % 2) return null;
  const bytes = new Uint8Array(text.length / 2);
  let wrong = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = (NIBBLES[text.charCodeAt(2 * at)] << 4) | NIBBLES[text.charCodeAt(2 * at + 1)];
    wrong |= byte;
    bytes[at] = byte;
  }
  return wrong < 0 ? null : bytes;
}

/** The bytes of a base64 text of RFC 4648, padded and in its one spelling. */
function unbase64(text) {
  let decoded;
  try {
    decoded = atob(text);
  } catch {
    throw new Malformed(`${quoted(text)} is no base64`);
  }
  if (btoa(decoded) !== text) throw new Malformed(`${quoted(text)} is base64 in another spelling`);
  return Uint8Array.from(decoded, (letter) => letter.charCodeAt(0));
}

/** The beginning of a text that is not as it should be, in quotes. */
const quoted = (text) => `'${text.length > 100 ? `${text.slice(0, 100)}…` : text}'`;

/** A text of others without characters that change how what follows looks, or where the next line begins. */
const plain = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

// Integers of 64 bits are numbers below 2^53 and BigInts beyond. Comparing and writing them mixes the two well.
const HIGH = 0x200000;

function u64(view, at) {
  const high = view.getUint32(at + 4, true);
  return high < HIGH ? high * 2 ** 32 + view.getUint32(at, true) : view.getBigUint64(at, true);
}

function i64(view, at) {
  const high = view.getInt32(at + 4, true);
  return high < HIGH && high >= -HIGH ? high * 2 ** 32 + view.getUint32(at, true) : view.getBigInt64(at, true);
}

const plus = (number, by) => (typeof number === "bigint" ? number + BigInt(by) : number + by);

const MAX_U64 = 2n ** 64n - 1n;

/** The integer that decimal digits say; null if it has leading zeros, is anything else, or does not fit 64 bits. */
function decimal(text) {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) return null;
  if (text.length < 16) return Number(text);
  const number = BigInt(text);
  if (number > MAX_U64) return null;
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number;
}

// ---- SHA-2, whose constants are the first bits behind the point of roots of primes ----

function primes(count) {
  const found = [];
  for (let number = 2; found.length < count; number++) {
    if (found.every((prime) => number % prime)) found.push(number);
  }
  return found;
}

/** The greatest integer whose power of this degree is not above the value. */
function integerRoot(value, degree) {
  let root = 1n << (BigInt(value.toString(2).length) / degree + 1n);
  for (;;) {
    const next = ((degree - 1n) * root + value / root ** (degree - 1n)) / degree;
    if (next >= root) return root;
    root = next;
  }
}

/** 64 bits behind the point of the root of each prime. */
const fractions = (count, degree) =>
  primes(count).map((prime) => BigInt.asUintN(64, integerRoot(BigInt(prime) << (64n * degree), degree)));

const START_512 = fractions(8, 2n);
const ROUNDS_512 = fractions(80, 3n);
const firstHalf = (word) => Number(BigInt.asIntN(32, word >> 32n));
const START_256 = Int32Array.from(START_512, firstHalf);
const ROUNDS_256 = Int32Array.from(ROUNDS_512.slice(0, 64), firstHalf);

// Most messages are short: their padding is done in one place.
const scratch = new Uint8Array(256);

/** The message, a bit 1, zeros, and the length in bits: a view of a multiple of `block` bytes, until the next call. */
function padded(message, block) {
  const length = message.length;
  const size = (Math.floor((length + block / 8) / block) + 1) * block;
  const all = size <= 256 ? scratch.subarray(0, size).fill(0) : new Uint8Array(size);
  all.set(message);
  all[length] = 0x80;
  const view = new DataView(all.buffer, 0, size);
  view.setUint32(size - 8, length / 2 ** 29);
  view.setUint32(size - 4, length << 3);
  return view;
}

const w = new Int32Array(64);

function sha256(message) {
  const view = padded(message, 64);
  const digest = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i++) digest.setInt32(4 * i, START_256[i]);
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let a = digest.getInt32(0), b = digest.getInt32(4), c = digest.getInt32(8), d = digest.getInt32(12);
    let e = digest.getInt32(16), f = digest.getInt32(20), g = digest.getInt32(24), h = digest.getInt32(28);
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS_256[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    const words = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i++) digest.setInt32(4 * i, digest.getInt32(4 * i) + words[i]);
  }
  return new Uint8Array(digest.buffer);
}

function sha512(message) {
  const view = padded(message, 128);
  const word = (value) => BigInt.asUintN(64, value);
  const turned = (value, by) => (value >> by) | word(value << (64n - by));
  const state = [...START_512];
  for (let block = 0; block < view.byteLength; block += 128) {
    const w = Array.from({ length: 16 }, (_, i) => view.getBigUint64(block + 8 * i));
    for (let i = 16; i < 80; i++) {
      const s0 = turned(w[i - 15], 1n) ^ turned(w[i - 15], 8n) ^ (w[i - 15] >> 7n);
      const s1 = turned(w[i - 2], 19n) ^ turned(w[i - 2], 61n) ^ (w[i - 2] >> 6n);
      w.push(word(w[i - 16] + s0 + w[i - 7] + s1));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
      const s1 = turned(e, 14n) ^ turned(e, 18n) ^ turned(e, 41n);
      const t1 = h + s1 + ((e & f) ^ (word(~e) & g)) + ROUNDS_512[i] + w[i];
      const s0 = turned(a, 28n) ^ turned(a, 34n) ^ turned(a, 39n);
      const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g; g = f; f = e; e = word(d + t1); d = c; c = b; b = a; a = word(t1 + t2);
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] = word(state[i] + value)));
  }
  const digest = new DataView(new ArrayBuffer(64));
  state.forEach((value, i) => digest.setBigUint64(8 * i, value));
  return new Uint8Array(digest.buffer);
}

// ---- BLAKE3, which starts from the same words as SHA-256 ----

const CHUNK_START = 1;
const CHUNK_END = 2;
const PARENT = 4;
const ROOT = 8;
const DERIVE_KEY_CONTEXT = 32;
const DERIVE_KEY_MATERIAL = 64;

/** Which word of the block goes where, for each of the seven rounds. */
const ORDER = [[...Array(16).keys()]];
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
while (ORDER.length < 7) ORDER.push(PERMUTATION.map((at) => ORDER[ORDER.length - 1][at]));

const state = new Int32Array(16);

function mix(a, b, c, d, x, y) {
  let turned;
  state[a] = state[a] + state[b] + x;
  turned = state[d] ^ state[a];
  state[d] = (turned >>> 16) | (turned << 16);
  state[c] = state[c] + state[d];
  turned = state[b] ^ state[c];
  state[b] = (turned >>> 12) | (turned << 20);
  state[a] = state[a] + state[b] + y;
  turned = state[d] ^ state[a];
  state[d] = (turned >>> 8) | (turned << 24);
  state[c] = state[c] + state[d];
  turned = state[b] ^ state[c];
  state[b] = (turned >>> 7) | (turned << 25);
}

/** Replaces a chaining value of eight words by its compression with a block of 16 words. */
function compress(chaining, block, counter, length, flags) {
  state.set(chaining);
  state.set(START_256.subarray(0, 4), 8);
  state[12] = counter;
  state[13] = counter / 2 ** 32;
  state[14] = length;
  state[15] = flags;
  for (const m of ORDER) {
    mix(0, 4, 8, 12, block[m[0]], block[m[1]]);
    mix(1, 5, 9, 13, block[m[2]], block[m[3]]);
    mix(2, 6, 10, 14, block[m[4]], block[m[5]]);
    mix(3, 7, 11, 15, block[m[6]], block[m[7]]);
    mix(0, 5, 10, 15, block[m[8]], block[m[9]]);
    mix(1, 6, 11, 12, block[m[10]], block[m[11]]);
    mix(2, 7, 8, 13, block[m[12]], block[m[13]]);
    mix(3, 4, 9, 14, block[m[14]], block[m[15]]);
  }
  for (let i = 0; i < 8; i++) chaining[i] = state[i] ^ state[i + 8];
}

const block = new Int32Array(16);

/** The chaining value of chunk `number`, at most 1024 bytes from `from` on. */
function chunk(key, mode, input, from, number, last) {
  const end = Math.min(from + 1024, input.length);
  const chaining = key.slice();
  let at = from;
  do {
    const length = Math.min(64, end - at);
    if (length < 64) block.fill(0);
    for (let i = 0; 4 * i < length; i++) {
      const from = at + 4 * i;
      // Bytes behind the end are undefined, which is 0 here.
      block[i] = input[from] | (input[from + 1] << 8) | (input[from + 2] << 16) | (input[from + 3] << 24);
    }
    const first = at === from ? CHUNK_START : 0;
    at += 64;
    const flags = at >= end ? first | CHUNK_END | last : first;
    compress(chaining, block, number, length, mode | flags);
  } while (at < end);
  return chaining;
}

function parent(key, mode, left, right, last) {
  block.set(left);
  block.set(right, 8);
  const chaining = key.slice();
  compress(chaining, block, 0, 64, mode | PARENT | last);
  return chaining;
}

/** 32 bytes as eight words, of an input under a key. */
function blake3Words(key, mode, input) {
  if (input.length <= 1024) return chunk(key, mode, input, 0, 0, ROOT);
  // Of whole trees, the greatest first. The last chunk is kept apart, because the root is marked.
  const trees = [];
  let number = 0;
  for (; (number + 1) * 1024 < input.length; number++) {
    let tree = chunk(key, mode, input, number * 1024, number, 0);
    for (let full = number; full % 2; full = (full - 1) / 2) tree = parent(key, mode, trees.pop(), tree, 0);
    trees.push(tree);
  }
  let tree = chunk(key, mode, input, number * 1024, number, 0);
  while (trees.length) tree = parent(key, mode, trees.pop(), tree, trees.length ? 0 : ROOT);
  return tree;
}

function bytesOf(words) {
  const bytes = new Uint8Array(4 * words.length);
  words.forEach((word, i) => {
    for (let shift = 0; shift < 4; shift++) bytes[4 * i + shift] = word >>> (8 * shift);
  });
  return bytes;
}

const blake3 = (input) => bytesOf(blake3Words(START_256, 0, input));

/** BLAKE3 in derive_key mode, with a context. */
function deriving(context) {
  const key = blake3Words(START_256, DERIVE_KEY_CONTEXT, toUtf8.encode(context));
  return (input) => bytesOf(blake3Words(key, DERIVE_KEY_MATERIAL, input));
}

const linkOf = deriving("servanda v1 record");
const paddedDigest = deriving("servanda v1 payload");

/** The digest of a salt and a payload, which follow each other in these bytes. */
function payloadDigest(body) {
  const whole = new Uint8Array(Math.ceil(body.length / 64) * 64);
  whole.set(body);
  return paddedDigest(whole);
}

// ---- The tree of RFC 6962 ----

const leafInput = new Uint8Array(129);

function leafOf(header) {
  leafInput.set(header, 1);
  return sha256(leafInput);
}

const nodeInput = new Uint8Array(65).fill(1);

function nodeOf(left, right) {
  nodeInput.set(left, 1);
  nodeInput.set(right, 33);
  return sha256(nodeInput);
}

class Tree {
  size = 0;
  // Of whole trees, the greatest first.
  trees = [];

  push(leaf) {
    let tree = leaf;
    for (let full = this.size; full % 2; full = (full - 1) / 2) tree = nodeOf(this.trees.pop(), tree);
    this.trees.push(tree);
    this.size++;
  }

  root() {
    if (!this.size) return sha256(new Uint8Array());
    return this.trees.reduceRight((right, left) => nodeOf(left, right));
  }
}

// ---- Ed25519, as strict as format.md ----

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const mod = (value) => {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
};

function power(base, exponent) {
  let result = 1n;
  for (; exponent; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % P;
    base = (base * base) % P;
  }
  return result;
}

const inverse = (value) => power(value, P - 2n);
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);

function littleEndian(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let value = 0n;
  for (let at = bytes.length - 8; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(at, true);
  return value;
}

// A point is X, Y, Z and T, with x = X/Z, y = Y/Z and T = XY/Z.
const NEUTRAL = [0n, 1n, 1n, 0n];
const point = (x, y) => [x, y, 1n, mod(x * y)];
const opposite = ([x, y, z, t]) => [mod(-x), y, z, mod(-t)];

function sum([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * D * t1 * t2);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function doubled([x, y, z]) {
  const a = mod(x * x);
  const b = mod(y * y);
  const h = a + b;
  const e = h - mod((x + y) * (x + y));
  const g = a - b;
  const f = mod(2n * z * z) + g;
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

/** The multiples 0 to 15 of a point. */
function multiples(of) {
  const all = [NEUTRAL];
  while (all.length < 16) all.push(sum(all[all.length - 1], of));
  return all;
}

/** The sum of products of scalars with points, which are given by their multiples. */
function sumOfProducts(...products) {
  let result = NEUTRAL;
  for (let shift = 252n; shift >= 0n; shift -= 4n) {
    for (let i = 0; i < 4; i++) result = doubled(result);
    for (const [scalar, of] of products) result = sum(result, of[(scalar >> shift) & 15n]);
  }
  return result;
}

function encoded([x, y, z]) {
  const inverted = inverse(z);
  const bytes = new Uint8Array(32);
  let rest = mod(y * inverted) | ((mod(x * inverted) & 1n) << 255n);
  for (let i = 0; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

/** The point that 32 bytes are the canonical encoding of, or null. */
function decoded(bytes) {
  const all = littleEndian(bytes);
  const sign = all >> 255n;
  const y = BigInt.asUintN(255, all);
  if (y >= P) return null;
  // x² = (y² - 1) / (dy² + 1)
  const square = mod((y * y - 1n) * inverse(mod(D * y * y + 1n)));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * ROOT_OF_MINUS_1);
  if (mod(x * x) !== square || (x === 0n && sign)) return null;
  return point((x & 1n) === sign ? x : P - x, y);
}

const isNeutral = ([x, y, z]) => x === 0n && y === z;
const same = (left, right) => left.length === right.length && left.every((byte, i) => byte === right[i]);

const BASE = multiples(decoded(joined([0x58], new Uint8Array(31).fill(0x66))));
const points = new Map();

/** The multiples of a public key's opposite, or null if the key is not sound. */
function soundKey(key) {
  const name = hex(key);
  if (!points.has(name)) {
    const at = decoded(key);
    const isSound = at && !isNeutral(at) && isNeutral(sumOfProducts([L, multiples(at)]));
    points.set(name, isSound ? multiples(opposite(at)) : null);
  }
  return points.get(name);
}

/** Whether S is less than L, and R canonical and not of small order, if R is the encoding of a point at all. */
function isStrict(signature) {
  if (littleEndian(signature.subarray(32)) >= L) return false;
  const y = BigInt.asUintN(255, littleEndian(signature.subarray(0, 32)));
  // The eightfold of a point is neutral where y is 0, 1 or -1, or where dy⁴ + 2y² = 1.
  const square = mod(y * y);
  return y < P && mod(y * (square - 1n) * mod(D * square * square + 2n * square - 1n)) !== 0n;
}

/** Whether S × B - k × A is encoded as R, with a sound key A and a strict signature. */
function equationHolds(key, message, signature) {
  const r = signature.subarray(0, 32);
  const k = littleEndian(sha512(joined(r, key, message))) % L;
  const s = littleEndian(signature.subarray(32));
  return same(encoded(sumOfProducts([s, BASE], [k, soundKey(key)])), r);
}

// A signature of "servanda" by the key of RFC 8032's first test, and R and S of another of which R has a part of order 8:
// it holds only in the equation with the cofactor.
const TRIAL = {
  key: unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
  message: toUtf8.encode("servanda"),
  holds: unhex("4479bf50a81b6acd6a51ce32d5ffbc817e75db0558f5547d9fee2e60aedf011a268aca329509ed8452a823596a3d4354edf2faa951364538e39ba32bec2e0d05"),
  cofactored: unhex("9cf42ec8957f2ca676af3164aa9b6eb70711b2213f1fc7d79fade0a15bb3ac2ba33ae9cb96fa365fa3739e827fbe305b6092b07f192bb2c99c0b795004ec5009"),
};

let platform;

/** The platform's Ed25519 as a function, or null if there is none, or if it is laxer or stricter than format.md. */
async function platformEd25519() {
  const subtle = globalThis.crypto?.subtle;
  const keys = new Map();
  const holds = async (key, message, signature) => {
    const name = hex(key);
    if (!keys.has(name)) keys.set(name, subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]));
    return subtle.verify({ name: "Ed25519" }, await keys.get(name), signature, message);
  };
  try {
    const { key, message } = TRIAL;
    const other = joined(TRIAL.holds.subarray(0, 63), [TRIAL.holds[63] ^ 1]);
    const answers = [TRIAL.holds, TRIAL.cofactored, other].map((signature) => holds(key, message, signature));
    const isAsStrict = (await Promise.all(answers)).join() === "true,false,false";
    return isAsStrict ? holds : null;
  } catch {
    return null;
  }
}

/** Takes this function for the platform's Ed25519; null takes the own one. Tests compare the two. */
const useEd25519 = (holds) => (platform = Promise.resolve(holds));

/** Whether a signature by a sound key holds. */
async function ed25519Holds(key, message, signature) {
  if (signature.length !== 64 || !isStrict(signature)) return false;
  platform ??= platformEd25519();
  const holds = (await platform) ?? equationHolds;
  return holds(key, message, signature);
}

// ---- Keys, signed notes, checkpoints and policies ----

const LOG = 1;
const WITNESS = 4;

/** A public key with its name. `id` has eight hexadecimal digits. */
class Key {
  constructor(text, type) {
    const [, name, id, rest] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text) ?? [];
    if (!isKeyName(name ?? "")) throw new Malformed(`${quoted(text)} is no vkey of type ${type}`);
    const bytes = unbase64(rest);
    if (bytes.length !== 33 || bytes[0] !== type) throw new Malformed(`${quoted(text)} is no vkey of type ${type}`);
    const own = hex(sha256(joined(toUtf8.encode(name), [10], bytes)).subarray(0, 4));
    if (id !== own) throw new Malformed(`${quoted(text)}: its id is ${own}`);
    this.text = text;
    this.name = name;
    this.id = id;
    this.type = type;
    this.bytes = bytes.subarray(1);
    if (!soundKey(this.bytes)) throw new Malformed(`${quoted(text)} is no sound Ed25519 key`);
  }
}

const isKeyName = (name) => name !== "" && !/[\p{White_Space}\u0000-\u001f+]/u.test(name);

const NO_CHECKPOINT = "it is no checkpoint: origin, size and root, each on its line";

/** A checkpoint: its text alone, or a signed note. `name` is what findings call it. */
class Checkpoint {
  constructor(name, bytes) {
    this.name = name;
    let text;
    try {
      text = textOf(bytes);
    } catch {
      throw new Malformed(NO_CHECKPOINT);
    }
    const note = bytes.length <= 1_000_000 ? openNote(text) : null;
    this.signatures = note?.signatures ?? [];
    this.text = note?.text ?? text.replace(/\n*$/, "\n");
    const [origin, size, root, ...more] = this.text.slice(0, -1).split("\n");
    this.origin = origin;
    this.size = decimal(size ?? "");
    const isText = /^[^\u0000-\u0009\u000b-\u001f]*$/.test(this.text);
    const isSized = this.size !== null && this.size < 2n ** 63n;
    if (!isText || !isSized || origin === "" || root === undefined || more.includes("")) {
      throw new Malformed(NO_CHECKPOINT);
    }
    this.root = unbase64(root);
    if (this.root.length !== 32) throw new Malformed(NO_CHECKPOINT);
    if (this.size === 0 && !same(this.root, new Tree().root())) {
      throw new Malformed("it is of no records, and has another root than that of the empty tree");
    }
  }

  /** The vkeys of the known keys that signed. `forged` names one whose signature does not hold: the note is worthless. */
  async signers(keys) {
    const signed = new Set();
    let forged = null;
    for (const { name, id, bytes } of this.signatures) {
      const key = keys.find((one) => one.name === name && one.id === id);
      if (!key) continue;
      if (await this.isSignedBy(key, bytes)) signed.add(key.text);
      else forged ??= name;
    }
    return { signed, forged };
  }

  async isSignedBy(key, bytes) {
    if (key.type === LOG) return ed25519Holds(key.bytes, toUtf8.encode(this.text), bytes);
    if (bytes.length !== 72) return false;
    const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    const text = `cosignature/v1\ntime ${time}\n${this.text}`;
    return time < 2n ** 63n && ed25519Holds(key.bytes, toUtf8.encode(text), bytes.subarray(8));
  }
}

/** The text and the signatures of a signed note; null where it is none. */
function openNote(text) {
  const end = text.lastIndexOf("\n\n");
  const lines = text.slice(end + 2).split("\n");
  if (end < 0 || lines.pop() !== "" || lines.length < 1 || lines.length > 100) return null;
  const signatures = [];
  for (const line of lines) {
    const [, name, rest] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
    if (!isKeyName(name ?? "")) return null;
    try {
      const bytes = unbase64(rest);
      if (bytes.length < 5) return null;
      signatures.push({ name, id: hex(bytes.subarray(0, 4)), bytes: bytes.slice(4) });
    } catch {
      return null;
    }
  }
  return { text: text.slice(0, end + 1), signatures };
}

/** Which logs and witnesses are trusted, and which witnesses are enough. */
class Policy {
  logs = [];
  witnesses = [];
  // What a quorum can be, by name: a function that says whether it is among those who signed.
  groups = new Map([["none", () => true]]);
  members = new Set();
  quorum = null;

  constructor(bytes) {
    const isControl = (byte) => (byte < 32 && byte !== 9 && byte !== 10) || byte === 127;
    if (bytes.length > 262_144 || bytes.some(isControl)) {
      throw new Malformed("the policy has more than 262144 bytes, or a control character");
    }
    if (bytes[bytes.length - 1] !== 10) throw new Malformed("the policy does not end in a newline; is the file cut off?");
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf(10, from);
      this.line(bytes.subarray(from, end));
      from = end + 1;
    }
    if (!this.quorum) throw new Malformed("the policy has no quorum line");
  }

  line(bytes) {
    // What a comment says need not be UTF-8.
    const words = new TextDecoder().decode(bytes).split(/[ \t]+/).filter((word) => word !== "");
    if (words.length === 0 || words[0].startsWith("#")) return;
    try {
      textOf(bytes);
      const [what, ...rest] = words;
      const read = { log: this.log, witness: this.witness, group: this.group, quorum: this.quorumLine }[what];
      if (!read?.apply(this, rest)) throw new Malformed("");
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const why = error.message && `: ${error.message}`;
      throw new Malformed(`a line of the policy is wrong: ${quoted(words.join(" "))}${why}`);
    }
  }

  // Each of these says whether its line is right.

  log(vkey, ...urls) {
    const key = new Key(vkey ?? "", LOG);
    const isNew = this.logs.every((one) => !same(one.bytes, key.bytes));
    return isNew && urls.length < 2 && this.logs.push(key) <= 256;
  }

  witness(name, vkey, ...urls) {
    const key = new Key(vkey ?? "", WITNESS);
    const isNew = this.witnesses.every((one) => !same(one.bytes, key.bytes)) && !this.groups.has(name);
    this.groups.set(name, (signed) => signed.has(key.text));
    return isNew && urls.length < 2 && this.witnesses.push(key) <= 256;
  }

  group(name, threshold, ...members) {
    const isFree = (member) => member !== "none" && this.groups.has(member) && !this.members.has(member);
    if (name === undefined || this.groups.has(name) || members.length === 0) return false;
    for (const member of members) {
      if (!isFree(member)) return false;
      this.members.add(member);
    }
    const least = { all: members.length, any: 1 }[threshold] ?? decimal(threshold);
    if (least === null || least < 1 || least > members.length) return false;
    const all = members.map((member) => this.groups.get(member));
    this.groups.set(name, (signed) => all.filter((has) => has(signed)).length >= least);
    return this.groups.size <= 1 + this.witnesses.length + 256;
  }

  quorumLine(name, ...more) {
    if (this.quorum || more.length || !this.groups.has(name)) return false;
    this.quorum = this.groups.get(name);
    return true;
  }
}

// The tables of format.md: events, and words with their numbers.
// <generated>
const SCHEMA = 2;
// Number, name, word, whether payloads can be erased, fields in the order of their bytes; `?` is an option, `*`
// a list, `@` stands before the schema that brought a field, a word or a kind, where that is not 1.
const EVENTS = `
0 LedgerOpened ledger never origin:Text purpose:Text?
1 PartyRegistered party never id:Slug kind:PartyKind name:Name* identifier:Identifier* parent:Slug?
2 PartyRenamed rename never party:Slug name:Name*
3 PartySucceeded succession never party:Slug successor:Slug*
4 SourceRegistered source never id:Slug kind:SourceKind title:Text issuer:Text? published:When? \
retrieved:When? language:Language? digest:Digest? locator:Text? derived_from:Slug?
5 MeetingHeld meeting always text:Text? place:Text? present:Slug* led_to:Slug*
6 AgreementRecorded agreement never id:Slug title:Text form:Form? party:Slug* place:Text? link:Link* \
parties_unknown:Bool@2 role:RoleHolder*@2 subject:Text*@2 identifier:Identifier*@2
7 AgreementStatusChanged agreement-status never agreement:Slug to:AgreementStatus effective:When?@2
8 ParticipationRecorded participation never agreement:Slug party:Slug action:Action text:Text? effective:When?
9 CommitmentRecorded commitment never id:Slug agreement:Slug text:Text modality:Modality* debtor:Slug* \
creditor:Slug* mutual:Bool witness:Slug* guarantor:Slug* purpose:Text* condition:Text? measure:Text? \
presupposes:Text? deadline:Deadline? repeats:Subject* theme:Text* standing:Standing?
10 CommitmentAmended amendment never commitment:Slug instrument:Slug? text:Text? modality:Modality* \
debtor:Slug* creditor:Slug* purpose:Text* condition:Text? measure:Text? deadline:Deadline?
11 StatusChanged status never commitment:Slug to:Standing capacity:Capacity? debtor:Slug*@2
12 ContestMoved contest never commitment:Slug to:Contest text:Text?
13 ProgressReported progress always text:Text commitment:Slug? occurrence:Text?
14 OccurrenceHeld occurrence always commitment:Slug occurrence:Text? place:Text? text:Text?
15 Assessed assessment always commitment:Slug scale:Text level:Level
16 StatementRecorded statement always text:Text about:Subject*
17 EvidenceAttached evidence always about:Subject bearing:Bearing text:Text?
18 Noted note always text:Text about:Subject*
19 Corrected correction with-target record:Target field:FieldName old:Text* to:Text* reason:Text
20 Retracted retraction never record:Target reason:Text
21 Redacted redaction never record:Target reason:Text authority:Text
22 RecorderAdmitted recorder never id:Slug key:Text name:Text?
23 RecorderRevoked recorder-revoked never recorder:Slug reason:Text
24 RecorderRotated recorder-rotated never recorder:Slug key:Text reason:Text?
25 PartyKeyDeclared party-key never party:Slug key:Text
26 Acknowledged acknowledgement never record:Seq party:Slug signature:Text
`;
const ENVELOPE = `
on:When? by:Slug* recorded_by:Text? source:Citation* note:Text? confidence:Confidence? inferred:FieldName* \
import_key:Text? irregular:Text?
`;
const WORDS = `
PartyKind 0=state 1=organisation 2=organ 3=office 4=person 5=unit 6=group
SourceKind 0=article 1=statement 2=treaty 3=report 4=letter 5=table 6=interview 7=website 8=document
Bearing 0=supports 1=refutes
Confidence 0=low 1=medium 2=high
Form 0=treaty 1=protocol 2=memorandum 3=exchange-of-letters 4=communique 5=roadmap 6=contract 7=oral \
8=reported 9=other
AgreementStatus 0=concluded 1=in-force 2=suspended 3=resumed 4=amended 5=superseded 6=terminated \
7=provisional@2
Action 0=signature 1=definitive-signature 2=ratification 3=acceptance 4=approval 5=accession 6=succession \
7=formal-confirmation 8=provisional-application 9=notification 10=entry-into-force 11=withdrawal \
12=reservation 13=declaration 14=objection 15=end-of-provisional-application@2
Modality 0=obligation 1=permission 2=prohibition 3=intention
Standing 0=proposed 1=agreed 2=conditional 3=active 4=suspended 5=claimed 13=partial@2 6=fulfilled 7=breached \
8=waived 9=released 10=cancelled 11=expired 12=superseded
Capacity 0=debtor 1=creditor 2=arbiter 3=assessor 4=terms
Contest 0=none 1=claimed 2=disputed 3=settled
`;
// </generated>

// ---- Payloads ----

/** The lines of a table, each as its words. */
const table = (text) => text.trim().split("\n").map((line) => line.split(" "));

/** What stands before `@`, and the schema behind it. */
function since(text) {
  const [what, schema] = text.split("@");
  return { what, since: Number(schema ?? 1) };
}

/** A field: `name:Type`, with `?` for an option or `*` for a list. */
function fieldOf(text) {
  const { what, since: schema } = since(text);
  const [, name, type, shape] = /^(\w+):(\w+)([?*]?)$/.exec(what);
  return { name, type, shape, since: schema };
}

const ENVELOPE_FIELDS = ENVELOPE.trim().split(" ").map(fieldOf);
const KINDS = new Map();
for (const [number, name, word, erasable, ...fields] of table(EVENTS)) {
  const own = fields.map(fieldOf);
  const { what, since: schema } = since(word);
  const hasTarget = own.some((field) => field.type === "Target");
  KINDS.set(Number(number), { name, word: what, since: schema, erasable, hasTarget, fields: [...own, ...ENVELOPE_FIELDS] });
}

const OPENED = 0;
const REDACTED = 21;
const ADMITTED = 22;
const REVOKED = 23;
const ROTATED = 24;
const DECLARED = 25;
const ACKNOWLEDGED = 26;

/** Reads the bytes of a payload, and remembers the highest schema of what it read. */
class Reader {
  needs = 1;
  at = 0;

  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.schema = this.byte();
    if (this.schema < 1 || this.schema > SCHEMA) {
      throw new Malformed(`the payload has schema ${this.schema}, not 1 to ${SCHEMA}: a later version wrote it`);
    }
  }

  /** Notes that the event needs this schema. */
  need(schema, what) {
    if (schema > this.schema) throw new Malformed(`schema ${this.schema} has no ${what}`);
    this.needs = Math.max(this.needs, schema);
  }

  take(length) {
    const from = this.at;
    if (length > this.bytes.length - from) throw new Malformed("the payload ends too early");
    this.at += length;
    return from;
  }

  byte() {
    return this.bytes[this.take(1)];
  }

  number() {
    const first = this.byte();
    if (first <= 250) return first;
    const size = { 251: 2, 252: 4, 253: 8 }[first];
    if (!size) throw new Malformed(`a number begins with ${first}`);
    const at = this.take(size);
    const value =
      size === 2 ? this.view.getUint16(at, true) : size === 4 ? this.view.getUint32(at, true) : u64(this.view, at);
    const least = { 2: 251, 4: 2 ** 16, 8: 2 ** 32 }[size];
    if (value < least) throw new Malformed(`the number ${value} is longer than it need be`);
    return value;
  }

  text() {
    const length = this.number();
    const from = this.take(length);
    return textOf(this.bytes.subarray(from, from + length));
  }

  /** A byte that says which of several forms follows. */
  form(type, forms) {
    const number = this.byte();
    if (!forms[number]) throw new Malformed(`${type} has no number ${number}`);
    return forms[number](this);
  }

  option(read) {
    const there = this.byte();
    if (there > 1) throw new Malformed(`an option has no number ${there}`);
    return there ? read(this) : undefined;
  }

  value({ name, type, shape, since: schema }) {
    // A field that came later than the payload is not in it.
    if (schema > this.schema) return undefined;
    const read = TYPES[type];
    let value;
    if (shape === "?") value = this.option(read);
    else if (shape === "*") value = this.list(read);
    else value = read(this);
    if (value === false) return undefined;
    if (value !== undefined) this.need(schema, name);
    return value;
  }

  list(read) {
    const all = [];
    for (let left = this.number(); left > 0; left--) all.push(read(this));
    return all.length ? all : undefined;
  }
}

/** What a payload says under a kind and the target of its header: its fields by name, as texts, numbers and lists. */
function decodeEvent(number, target, payload) {
  const kind = KINDS.get(number);
  if (!kind) throw new Malformed(`it is of kind ${number}: a later version of servanda wrote it`);
  const reader = new Reader(payload);
  reader.need(kind.since, kind.word);
  const event = {};
  for (const field of kind.fields) {
    const value = reader.value(field);
    if (value !== undefined) event[field.name] = value;
    if (field.type === "Target" && value !== target) {
      throw new Malformed(`the header names record ${target}, and the event is about record ${value}`);
    }
  }
  const rest = payload.length - reader.at;
  if (rest) throw new Malformed(`${rest} bytes follow the event`);
  if (reader.needs !== reader.schema) {
    throw new Malformed(`the payload has schema ${reader.schema}, and needs no more than ${reader.needs}`);
  }
  return event;
}

const TEXT_LIMIT = 32_768;
const WHITE_ONLY = /^\p{White_Space}*$/u;
const WHITE_AT_AN_END = /^\p{White_Space}|\p{White_Space}$/u;
const SLUG = /^(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$/;
const RULE_PARTS =
  "UNTIL COUNT INTERVAL BYSECOND BYMINUTE BYHOUR BYDAY BYMONTHDAY BYYEARDAY BYWEEKNO BYMONTH BYSETPOS WKST".split(" ");
const FREQUENCIES = "SECONDLY MINUTELY HOURLY DAILY WEEKLY MONTHLY YEARLY".split(" ");
const ROLES = "depositary|mediator|facilitator|guarantor|witness|observer|host|secretariat";

const lengthOf = (text) => toUtf8.encode(text).length;
const isSlug = (text) => SLUG.test(text);
const isLanguage = (text) => LANGUAGE.test(text) && text.length <= 64;

function isText(text) {
  if (WHITE_ONLY.test(text) || /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) return false;
  return text.length * 3 <= TEXT_LIMIT || lengthOf(text) <= TEXT_LIMIT;
}

function isName(text) {
  const at = text.lastIndexOf("@");
  return isText(at >= 0 && isLanguage(text.slice(at + 1)) ? text.slice(0, at) : text);
}

function isIdentifier(text) {
  const [scheme] = /^[a-z0-9-]{1,32}:/.exec(text) ?? [];
  return scheme !== undefined && isText(text.slice(scheme.length));
}

function isCitation(text) {
  const colon = text.indexOf(":");
  if (colon < 0) return isSlug(text);
  const place = text.slice(colon + 2);
  return isSlug(text.slice(0, colon)) && text[colon + 1] === " " && isText(place) && !WHITE_AT_AN_END.test(place);
}

function isRule(text) {
  const names = new Set();
  for (const part of text.split(";")) {
    const [, name, value] = /^([A-Z]+)=([A-Z0-9,+-]+)$/.exec(part) ?? [];
    const isKnown = name === "FREQ" ? FREQUENCIES.includes(value) : RULE_PARTS.includes(name);
    if (!isKnown || names.has(name)) return false;
    names.add(name);
  }
  return names.has("FREQ") && text.length <= 256;
}

/** Reads a text that must be of a type. */
const textual = (type, isOne) => (reader) => {
  const text = reader.text();
  if (!isOne(text)) throw new Malformed(`${quoted(text)} is not a ${type} as the document has it`);
  return text;
};

const byPattern = (type, pattern) => textual(type, (text) => pattern.test(text));

/** Reads one of a list's words: a byte. */
function word(type, texts) {
  const words = [];
  for (const text of texts) {
    const [number, rest] = text.split("=");
    words[number] = since(rest);
  }
  return (reader) => {
    const number = reader.byte();
    const found = words[number];
    if (!found) throw new Malformed(`${type} has no number ${number}`);
    reader.need(found.since, `${type} ${number}`);
    return found.what;
  };
}

const TYPES = {
  Text: textual("Text", isText),
  Slug: textual("Slug", isSlug),
  FieldName: byPattern("FieldName", /^[a-z_]{1,32}$/),
  Language: textual("Language", isLanguage),
  Name: textual("Name", isName),
  Identifier: textual("Identifier", isIdentifier),
  Citation: textual("Citation", isCitation),
  Level: textual("Level", isText),
  Rule: textual("Rule", isRule),
  RoleHolder: textual("RoleHolder", (text) => {
    const [role] = new RegExp(`^(?:${ROLES}):`).exec(text) ?? [];
    return role !== undefined && isSlug(text.slice(role.length));
  }),
  Link: (reader) => {
    const text = reader.text();
    const [, relation, id] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
    const isFirst = ["amends", "supersedes", "continues", "implements", "repeats"].includes(relation);
    const isSecond = ["terminates", "supplements", "protocol-to"].includes(relation);
    if (!(isFirst || isSecond) || !isSlug(id)) throw new Malformed(`${quoted(text)} is not a Link as the document has it`);
    reader.need(isFirst ? 1 : 2, relation);
    return text;
  },
  Bool: (reader) => {
    const value = reader.byte();
    if (value > 1) throw new Malformed(`a Bool has no number ${value}`);
    return value === 1;
  },
  Seq: (reader) => reader.number(),
  Target: (reader) => reader.number(),
  Digest: (reader) => {
    const from = reader.take(32);
    return hex(reader.bytes.subarray(from, from + 32));
  },
  Subject: (reader) => reader.form("Subject", [TYPES.Slug, TYPES.Seq]),
  When: (reader) => whenOf(reader),
  Deadline: (reader) => deadlineOf(reader),
};
for (const [type, ...words] of table(WORDS)) TYPES[type] = word(type, words);

const two = (number) => String(number).padStart(2, "0");
const four = (number) => String(number).padStart(4, "0");

function daysOf(year, month) {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** A date with its first and last day, as texts that sort by time. */
function dateOf(reader) {
  const precision = reader.byte();
  if (precision > 2) throw new Malformed(`Date has no number ${precision}`);
  const year = reader.number();
  const month = precision > 0 ? reader.byte() : 1;
  const day = precision > 1 ? reader.byte() : 1;
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) {
    throw new Malformed("there is no such date");
  }
  const first = `${four(year)}-${two(month)}-${two(day)}`;
  const lastMonth = precision > 0 ? month : 12;
  const lastDay = precision > 1 ? day : daysOf(year, lastMonth);
  const last = `${four(year)}-${two(lastMonth)}-${two(lastDay)}`;
  return { text: first.slice(0, [4, 7, 10][precision]), first, last };
}

function rangeOf(reader) {
  const [from, to] = [dateOf(reader), dateOf(reader)];
  if (to.last < from.first) throw new Malformed(`${from.text}/${to.text} ends before it begins`);
  return `${from.text}/${to.text}`;
}

const whenOf = (reader) =>
  reader.form("When", [
    () => dateOf(reader).text,
    () => rangeOf(reader),
    () => `before ${dateOf(reader).text}`,
    () => `after ${dateOf(reader).text}`,
    () => "unknown",
    () => "unspecified",
    () => "not-applicable",
  ]);

const UNITS = ["day", "week", "month", "year"];

function relativeOf(reader) {
  const count = reader.number();
  if (count < 1 || count > 9999) throw new Malformed(`a Relative has no count ${count}`);
  const unit = reader.form("Unit", UNITS.map((name) => () => name));
  const anchor = reader.form("Anchor", [
    () => `conclusion of ${TYPES.Slug(reader)}`,
    () => `${TYPES.Action(reader)} of ${TYPES.Slug(reader)}`,
    () => `${TYPES.Slug(reader)} ${TYPES.Standing(reader)}`,
  ]);
  return `${count} ${unit}${count === 1 ? "" : "s"} after ${anchor}`;
}

const deadlineOf = (reader) =>
  reader.form("Deadline", [
    () => whenOf(reader),
    () => {
      const rule = reader.option(TYPES.Rule);
      return rule === undefined ? "recurring" : `RRULE:${rule}`;
    },
    () => "continuing",
    () => relativeOf(reader),
  ]);

// ---- Records ----

const HEADER = 128;
const PAYLOAD_LIMIT = 65_536;

/** The header of a record. A byte of it that is not what it must be makes all of it unreadable. */
class Header {
  constructor(bytes) {
    if (bytes.length < HEADER) throw new Malformed(`the record has ${bytes.length} bytes, less than a header's 128`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
    if (bytes[0] !== 1) throw new Malformed(`the record has format version ${bytes[0]}, not 1`);
    const isReserved = (at) => (at >= 4 && at < 8) || at >= 104;
    for (let at = 1; at < HEADER; at++) {
      if (isReserved(at) ? bytes[at] : at === 1 && bytes[at] > 3) {
        throw new Malformed(`the header's byte ${at} is not what it must be`);
      }
    }
    this.bytes = bytes.subarray(0, HEADER);
    this.erasable = (bytes[1] & 1) !== 0;
    this.asserted = (bytes[1] & 2) !== 0;
    this.kind = view.getUint16(2, true);
    this.seq = u64(view, 8);
    this.recordedAt = i64(view, 16);
    this.remaining = view.getUint32(24, true);
    this.payloadLength = view.getUint32(28, true);
    this.prev = hex(bytes.subarray(32, 64));
    this.payloadDigest = bytes.subarray(64, 96);
    this.target = u64(view, 96);
    this.link = hex(linkOf(this.bytes));
    if (this.payloadLength > PAYLOAD_LIMIT) {
      throw new Malformed(`the header says that the payload has ${this.payloadLength} bytes; the limit is ${PAYLOAD_LIMIT}`);
    }
    this.isAsItsKind();
  }

  /** Flags and target, as the kind demands them; a correction may be erased or not. */
  isAsItsKind() {
    if (this.seq === 0 && this.kind !== OPENED) {
      throw new Malformed(`the header of record 0 says that its kind is ${this.kind}, and not the opening of a ledger`);
    }
    const { word, hasTarget, erasable } = KINDS.get(this.kind) ?? { hasTarget: true };
    if (!hasTarget && this.target !== 0) throw new Malformed(`the header of a ${word} names record ${this.target}`);
    if ((erasable === "always" && !this.erasable) || (erasable === "never" && this.erasable)) {
      const says = this.erasable ? "can" : "cannot";
      throw new Malformed(`the header says that the payload of a ${word} ${says} be erased`);
    }
  }
}

/** What stands behind a header: salt and payload, or null, and signatures. */
function bodyOf(header, bytes) {
  // Nothing, where the record ends with its header.
  const what = bytes[HEADER];
  const from = HEADER + 1;
  const end = what & 1 ? from + 16 + header.payloadLength : from;
  if (!(what <= 3) || bytes.length < end || (!(what & 2) && bytes.length > end)) {
    throw new Malformed("after its header stands not what its byte 128 and its payload_len announce");
  }
  const body = what & 1 ? bytes.subarray(from, end) : null;
  return { body, signatures: what & 2 ? signaturesOf(bytes.subarray(end)) : [] };
}

function signaturesOf(bytes) {
  const count = bytes[0] ?? 0;
  const all = [];
  for (let at = 1; at + 68 <= bytes.length; at += 68) {
    all.push({ id: hex(bytes.subarray(at, at + 4)), bytes: bytes.subarray(at + 4, at + 68) });
  }
  const isInOrder = all.every((one, i) => i === 0 || all[i - 1].id < one.id);
  if (count < 1 || count > 32 || bytes.length !== 1 + 68 * count || !isInOrder) {
    throw new Malformed("its signatures are not 1 to 32, each by another key, in the order of the keys' ids");
  }
  return all;
}

/** A time of a record, in microseconds since 1970, as RFC 3339 has it; the plain number where no year has four digits. */
function timeText(micros) {
  const whole = BigInt(micros);
  const rest = ((whole % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const time = new Date(Number((whole - rest) / 1000n));
  if (Number.isNaN(time.valueOf()) || time.getUTCFullYear() < 0 || time.getUTCFullYear() > 9999) return `${micros} µs`;
  return time.toISOString().replace(/\.000Z$/, `.${String(rest).padStart(6, "0")}Z`);
}

// ---- Who must have signed ----

/** The keys of recorders and parties, as the events so far give and take them, and who must sign a batch. */
class Signers {
  // The key of each id: null for a recorder who was revoked, `{ isBad: true }` for what is no key.
  recorders = new Map();
  parties = new Map();
  origin = null;

  /** `report` takes findings, and signatures to check. */
  constructor(report) {
    this.report = report;
    this.begin();
  }

  /** Begins a batch: who must sign it, the keys that were replaced in it, and whether a payload of it is gone. */
  begin() {
    this.called = [];
    this.replaced = [];
    this.isWithheld = false;
  }

  /** A key in an event: what is none is a finding, and stands for a key all the same. */
  key(place, text) {
    try {
      return new Key(text, LOG);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.report.find(place, "signature", error.message);
      return { isBad: true, text };
    }
  }

  call(recorder, key) {
    if (!this.called.some((one) => one.key.text === key.text)) this.called.push({ recorder, key });
  }

  replace(recorder, key) {
    this.replaced.push(this.recorders.get(recorder));
    this.recorders.set(recorder, key);
  }

  /** Takes a record in. `event` is null if its payload is gone; `linkAt` gives the link of an earlier record. */
  record(place, kind, event, linkAt) {
    if (!event) {
      this.isWithheld = true;
      return;
    }
    const by = event.recorded_by;
    if (this.recorders.has(by)) {
      const key = this.recorders.get(by);
      if (key) this.call(by, key);
      else this.noKey(place, by);
    }
    if (kind === ADMITTED) this.admit(place, event);
    else if (kind === REVOKED || kind === ROTATED) this.change(place, kind, event);
    else if (kind === DECLARED) this.parties.set(event.party, this.key(place, event.key));
    else if (kind === ACKNOWLEDGED) this.acknowledge(place, event, linkAt);
  }

  noKey(place, recorder) {
    this.report.find(place, "signature", `${recorder} has no key: it was revoked, or never admitted`);
  }

  admit(place, { id, key }) {
    if (this.recorders.has(id)) this.report.find(place, "signature", `${id} was admitted before`);
    else this.recorders.set(id, this.key(place, key));
  }

  change(place, kind, { recorder, key: text }) {
    const old = this.recorders.get(recorder);
    if (!old) {
      this.noKey(place, recorder);
    } else if (kind === REVOKED) {
      this.replace(recorder, null);
    } else {
      const key = this.key(place, text);
      this.call(recorder, old);
      this.call(recorder, key);
      this.replace(recorder, key);
    }
  }

  acknowledge(place, { record, party, signature }, linkAt) {
    const key = this.parties.get(party);
    if (!key || record >= place) {
      const what = `${party} has declared no key, or record ${record} is not there yet`;
      this.report.find(place, "signature", what);
      return;
    }
    const text = `servanda acknowledgement v1\n${this.origin}\n${party}\n${record}\n${linkAt(record)}\n`;
    try {
      const what = `the signature of ${party} under record ${record} does not hold`;
      this.report.check([key], text, unbase64(signature), place, what);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.report.find(place, "signature", error.message);
    }
  }

  /** Ends a batch with the signatures under its last record, which is in this place and has this link. */
  end(place, link, signatures) {
    const text = `servanda recorder v1\n${this.origin}\n${place + 1}\n${link}\n`;
    const strays = new Map(signatures.map((one) => [one.id, one.bytes]));
    const ids = new Map();
    for (const { recorder, key } of this.called) {
      const signature = signatures.find((one) => one.id === key.id);
      const wrong = signature || key.isBad ? "does not hold" : `with the key ${key.text} is missing`;
      this.report.check([key], text, signature?.bytes, place, `the signature of recorder ${recorder} ${wrong}`);
      strays.delete(key.id);
      if (!key.isBad && ids.has(key.id)) {
        this.report.find(place, "signature", `two keys that must sign have the id ${key.id}`);
      }
      ids.set(key.id, key);
    }
    for (const [id, bytes] of strays) {
      // Where a payload is gone, nobody can tell whom it called for.
      const keys = this.isWithheld ? [...this.recorders.values(), ...this.replaced] : [];
      const stray = `a signature by a key with the id ${id}, that was not asked for`;
      this.report.check(keys.filter((key) => key?.id === id), text, bytes, place, stray);
    }
    this.begin();
  }
}

// ---- The verdict ----

const ZEROS = "0".repeat(64);

/** The links of the records from record 0 on, without a gap. */
class Links {
  count = 0;
  bytes = new Uint8Array(1024);

  push(link) {
    if (32 * this.count === this.bytes.length) this.bytes = joined(this.bytes, new Uint8Array(this.bytes.length));
    this.bytes.set(unhex(link), 32 * this.count++);
  }

  at(seq) {
    return hex(this.bytes.subarray(32 * seq, 32 * seq + 32));
  }
}

/**
 * Takes an export line by line and comes to a verdict.
 *
 * `checkpoints` are those to compare with, `head` is one that was kept elsewhere, a count and a link, and `onEvent` is
 * called with each event that could be read.
 */
class Verifier {
  findings = [];
  // Signatures to check, each with the finding that goes away if it holds.
  pending = [];
  signatures = 0;
  lines = 0;
  records = 0;
  asserted = 0;
  withheld = 0;
  // The place of the next record; the link and the header before it, null if they could not be read.
  next = 0;
  link = ZEROS;
  before = null;
  head = null;
  keptLink = null;
  tree = new Tree();
  links = new Links();
  // The kinds of the records whose headers could be read, by their places.
  kinds = new Map();
  // The last redaction of each record that has one, and the records whose payloads are gone.
  redactions = new Map();
  gone = [];
  origin = null;
  // Null from the first record on that could not be read.
  signers = new Signers(this);

  constructor({ checkpoints = [], head = null, onEvent = null } = {}) {
    this.checkpoints = checkpoints;
    this.keptHead = head;
    this.onEvent = onEvent;
    this.roots = new Map([[0, this.tree.root()]]);
    this.sizes = new Set(checkpoints.map((one) => one.size));
    if (head?.count === 0) this.keptLink = ZEROS;
  }

  find(place, kind, text) {
    this.findings.push({ where: `record ${place}`, kind, text });
  }

  /** Notes a signature finding that goes away if the signature holds with one of the keys. */
  check(keys, text, signature, place, what) {
    this.find(place, "signature", what);
    const sound = keys.filter((key) => !key.isBad);
    if (!signature || sound.length === 0) return;
    const finding = this.findings[this.findings.length - 1];
    const message = toUtf8.encode(text);
    this.pending.push(async () => {
      for (const key of sound) finding.holds ||= await ed25519Holds(key.bytes, message, signature);
    });
  }

  /** Waits for the signatures that were noted. */
  async settle() {
    await Promise.all(this.pending.splice(0).map((check) => check()));
    this.findings = this.findings.filter((finding) => !finding.holds);
  }

  /** A record is missing or cannot be read: what rests on it cannot be checked. */
  lose() {
    this.link = null;
    this.before = null;
    this.tree = null;
    this.signers = null;
  }

  /** Takes a line without its newline. Null stands for one that is too long or has no newline. */
  line(bytes) {
    this.lines++;
    if (this.head) {
      this.find(this.next, "malformed", `line ${this.lines} of the export stands after the head`);
      return;
    }
    const line = bytes && parseLine(bytes);
    if (line?.head) {
      this.end(line.head);
    } else if (line) {
      this.records++;
      this.place(line);
    } else {
      this.find(this.next, "malformed", `line ${this.lines} of the export is not a record's line, nor the head's`);
      this.lose();
      this.next = plus(this.next, 1);
    }
  }

  missing(next, found) {
    const text = `records ${this.next} to ${plus(next, -1)} are not there; found ${found}`;
    this.find(this.next, "missing", text);
  }

  /** The place where a record lies: the next one, or it is misplaced. */
  place({ seq, link, record }) {
    if (seq < this.next) {
      this.find(seq, "misplaced", `stands again, or out of order, where record ${this.next} should be`);
      return;
    }
    if (seq > this.next) {
      this.missing(seq, `record ${seq}`);
      this.lose();
    }
    this.next = plus(seq, 1);
    try {
      this.record(seq, link, new Header(record), record);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.find(seq, "malformed", error.message);
      this.lose();
    }
  }

  record(seq, lineLink, header, bytes) {
    if (header.seq !== seq) this.find(seq, "misplaced", `its header says that it is record ${header.seq}`);
    if (header.link !== lineLink) {
      this.find(seq, "link", `its header has the link ${header.link}; its line says ${lineLink}`);
    }
    if (this.link !== null && header.prev !== this.link) {
      this.find(seq, "link", `it follows ${header.prev}; the link before it is ${this.link}`);
    }
    this.order(seq, header);
    this.correction(seq, header);
    this.kinds.set(seq, header.kind);
    if (this.tree) {
      this.tree.push(leafOf(header.bytes));
      this.links.push(header.link);
      if (this.sizes.has(this.tree.size)) this.roots.set(this.tree.size, this.tree.root());
    }
    if (this.next === this.keptHead?.count) this.keptLink = header.link;
    this.content(seq, header, bytes);
    this.link = header.link;
    this.before = header;
  }

  /** Batch and clock, against the record before. */
  order(seq, header) {
    const { before } = this;
    if (before?.remaining && header.remaining !== before.remaining - 1) {
      this.find(seq, "batch", `${before.remaining - 1} of its batch should follow, not ${header.remaining}`);
    }
    if (before && header.recordedAt < before.recordedAt) {
      this.find(seq, "clock", `${timeText(header.recordedAt)} is before ${timeText(before.recordedAt)}`);
    }
    if (header.asserted && before && !before.asserted) {
      this.find(seq, "clock", "its time is asserted, and the backfill ended before it");
    }
    if (header.asserted && seq === this.asserted) this.asserted++;
  }

  /** What stands behind the header. */
  content(seq, header, bytes) {
    try {
      const { body, signatures } = bodyOf(header, bytes);
      const event = body ? this.payload(seq, header, body) : this.erased(seq, header);
      if (event === undefined) this.signers = null;
      this.sign(seq, header, event, signatures);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.find(seq, "malformed", error.message);
      this.signers = null;
    }
  }

  /** Of a correction: whether it can be erased is as its target says, if the header of that could be read. */
  correction(seq, header) {
    if (KINDS.get(header.kind)?.erasable !== "with-target") return;
    const isLater = header.target >= header.seq;
    if (!isLater && !this.kinds.has(header.target)) return;
    const erasable = !isLater && KINDS.get(this.kinds.get(header.target))?.erasable === "always";
    if (header.erasable !== erasable) {
      const says = header.erasable ? "can" : "cannot";
      const text = `the header says that its payload ${says} be erased; that of record ${header.target} demands the opposite`;
      this.find(seq, "malformed", text);
    }
  }

  /** The event of a payload; undefined if it is none, or not what was recorded. */
  payload(seq, header, body) {
    if (!same(payloadDigest(body), header.payloadDigest)) {
      this.find(seq, "payload", "salt and payload are not those that the header vouches for");
      return undefined;
    }
    try {
      const event = decodeEvent(header.kind, header.target, body.subarray(16));
      if (seq === 0) this.origin = event.origin;
      if (header.kind === REDACTED) this.redactions.set(event.record, seq);
      const { word } = KINDS.get(header.kind);
      this.onEvent?.({ seq, recorded_at: timeText(header.recordedAt), event: word, ...event });
      return event;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.find(seq, "encoding", error.message);
      return undefined;
    }
  }

  /** A payload that is not there says nothing. */
  erased(seq, header) {
    this.gone.push({ seq, erasable: header.erasable });
    if (!KINDS.has(header.kind)) {
      this.find(seq, "encoding", `the record is of kind ${header.kind}: a later version of servanda wrote it`);
    }
    return null;
  }

  sign(seq, header, event, signatures) {
    const isLast = header.remaining === 0;
    if (!isLast && signatures.length) this.find(seq, "signature", "it is signed in the middle of its batch");
    if (!this.signers) return;
    this.signers.origin = this.origin;
    this.signers.record(seq, header.kind, event, (record) => this.links.at(record));
    if (header.kind === ACKNOWLEDGED && event) this.signatures++;
    if (!isLast) return;
    this.signatures += signatures.length;
    if (this.signers.isWithheld && this.signers.recorders.size) this.withheld++;
    this.signers.end(seq, header.link, signatures);
  }

  /** Takes the line of the head. */
  end(head) {
    this.head = head;
    if (head.count > this.next) {
      this.missing(head.count, "the head");
      this.before = null;
      this.tree = null;
      this.signers = null;
    } else if (head.count !== this.next || head.link !== this.link) {
      const end = `${this.next}:${this.link ?? "an unreadable record"}`;
      const text = `${head.count}:${head.link} is said to be the head; the records end at ${end}`;
      this.find(this.last(), "head", text);
    }
  }

  /** The number of the last record. */
  last() {
    return this.next ? plus(this.next, -1) : 0;
  }

  /** The verdict, once all lines were taken. `logKey` and `policy` say who must have signed the checkpoints. */
  async conclude({ logKey = null, policy = null } = {}) {
    if (!this.head) this.find(this.last(), "head", "the export ends without a head: it was cut");
    if (!this.records) this.find(0, "missing", "there are no records: nothing was checked");
    if (this.before?.remaining) {
      this.find(this.last(), "batch", `${this.before.remaining} more of its batch should follow`);
    }
    for (const { seq, erasable } of this.gone) {
      const isExcused = erasable && this.redactions.get(seq) > seq;
      const why = erasable ? "no later record redacts it" : "its header says that it cannot be erased";
      if (!isExcused) this.find(seq, "payload-gone", `its payload is not there, and ${why}`);
    }
    if (this.keptHead && this.keptHead.link !== this.keptLink) {
      const { count, link } = this.keptHead;
      const found = this.keptLink ?? "none: that record is not there, or cannot be read";
      this.find(count ? plus(count, -1) : 0, "head", `kept elsewhere: ${link}; found: ${found}`);
    }
    await this.settle();
    const isAnchored = await this.anchor(logKey, policy);
    const onlySignatures = this.findings.every((finding) => finding.kind === "signature");
    const bad = onlySignatures ? 11 : 10;
    return {
      code: this.findings.length ? bad : isAnchored ? 0 : 12,
      findings: this.findings,
      isAnchored,
      records: this.records,
      origin: this.origin,
      head: this.link === null ? null : { count: this.next, link: this.link },
      tree: this.tree && { size: this.tree.size, root: base64(this.tree.root()) },
      asserted: this.asserted,
      signatures: this.signers ? this.signatures : null,
      withheld: this.signers ? this.withheld : 0,
      checkpoints: this.checkpoints.length,
      isKeyed: logKey !== null || policy !== null,
      isCompared: this.checkpoints.length > 0 || this.keptHead !== null,
    };
  }

  /** Compares the checkpoints, and says whether the policy is met where there is one. */
  async anchor(logKey, policy) {
    const keys = [...(logKey ? [logKey] : []), ...(policy?.logs ?? []), ...(policy?.witnesses ?? [])];
    let isLogged = false;
    let isMet = false;
    for (const checkpoint of this.checkpoints) {
      const { signed, forged } = await checkpoint.signers(keys);
      const isBy = (key) => key.name === checkpoint.origin && signed.has(key.text);
      const where = `checkpoint ${checkpoint.name}`;
      const isByLog = policy?.logs.some(isBy);
      isLogged ||= isByLog;
      if (forged !== null) {
        this.findings.push({ where, kind: "signature", text: `the signature of ${forged} does not hold` });
      } else if (logKey && !isBy(logKey)) {
        this.findings.push({ where, kind: "signature", text: `it is not signed by ${logKey.name}` });
      } else {
        isMet ||= isByLog && policy.quorum(signed);
        this.compare(checkpoint);
      }
    }
    if (policy && !isLogged) {
      const text = "no checkpoint given is signed by a log of the policy";
      this.findings.push({ where: "policy", kind: "signature", text });
    }
    return !policy || !isLogged || isMet;
  }

  /** Whether the ledger leads through a checkpoint. */
  compare({ name, origin, size, root }) {
    const find = (text) => this.find(size ? plus(size, -1) : 0, "anchor", `${name}: ${text}`);
    const here = this.roots.get(size);
    if (origin !== this.origin) find(`it is of ${quoted(origin)}; this ledger is ${quoted(this.origin ?? "nameless")}`);
    else if (size > this.next) find(`it has ${size} records; here are ${this.next}`);
    else if (!here || !same(here, root)) {
      find(`root of ${size} records: ${base64(root)}; here: ${here ? base64(here) : "not all of them can be read"}`);
    }
  }
}

// ---- The raw export ----

const LINE_LIMIT = 1_048_576;

/** Cuts bytes into lines and hands them to a verifier. */
class Lines {
  // What began a line that goes on, and its length.
  parts = [];
  length = 0;

  constructor(verifier) {
    this.verifier = verifier;
  }

  push(bytes) {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      this.keep(bytes.subarray(from, end));
      this.verifier.line(this.length < LINE_LIMIT ? this.whole() : null);
      this.parts = [];
      this.length = 0;
      from = end + 1;
    }
    this.keep(bytes.subarray(from));
  }

  keep(part) {
    this.length += part.length;
    // The rest of a line that is too long is of no use.
    if (part.length && this.length < LINE_LIMIT) this.parts.push(part);
  }

  whole() {
    return this.parts.length === 1 ? this.parts[0] : joined(...this.parts);
  }

  /** The bytes are at an end. */
  end() {
    if (this.length) this.verifier.line(null);
  }
}

const TOKEN =
  /[ \t\r\n]*(?:("[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*")|([0-9]+)|([{}:,]|null))/y;

/** Gives the tokens of a JSON text one by one: texts, integers, and marks with `null`. */
function tokensOf(text) {
  let at = 0;
  const next = () => {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) throw new Malformed("a line is no JSON");
    at = TOKEN.lastIndex;
    const [, quoted, digits, mark] = found;
    if (quoted) return { text: quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1) };
    return digits ? { number: decimal(digits) } : { mark };
  };
  const isAtEnd = () => /^[ \t\r\n]*$/.test(text.slice(at));
  return { next, isAtEnd };
}

/** The members of a JSON object whose `{` was read, each once. With a depth left, a value can be such an object. */
function membersOf(next, depth) {
  const members = new Map();
  let mark;
  do {
    const { text: name } = next();
    if (name === undefined || members.has(name) || next().mark !== ":") throw new Malformed("an object is wrong");
    members.set(name, valueOf(next, depth));
    ({ mark } = next());
  } while (mark === ",");
  if (mark !== "}") throw new Malformed("an object has no end");
  return members;
}

function valueOf(next, depth) {
  const { text, number, mark } = next();
  if (mark === "{" && depth) return membersOf(next, depth - 1);
  if (mark && mark !== "null") throw new Malformed("a value is wrong");
  return text ?? number ?? null;
}

const isInteger = (value) => typeof value === "number" || typeof value === "bigint";
const isLink = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** A line of an export: that of a record or of the head. Null if it is neither. */
function parseLine(bytes) {
  try {
    const { next, isAtEnd } = tokensOf(textOf(bytes));
    const { mark } = next();
    const members = mark === "{" ? membersOf(next, 1) : new Map();
    if (!isAtEnd()) return null;
    const head = members.get("head");
    if (members.size === 1 && head instanceof Map && head.size === 2) {
      const [count, link] = [head.get("count"), head.get("link")];
      return isInteger(count) && isLink(link) ? { head: { count, link } } : null;
    }
    const [seq, link, digits] = [members.get("seq"), members.get("link"), members.get("record")];
    const isRecord = isInteger(seq) && (link === null || isLink(link)) && typeof digits === "string";
    const record = members.size === 3 && isRecord ? unhex(digits) : null;
    return record && { seq, link, record };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return null;
  }
}

/** Hands all chunks of an export to a verifier. `onBytes` is called with how many bytes each had. */
async function readExport(chunks, verifier, onBytes = () => {}) {
  const lines = new Lines(verifier);
  for await (const bytes of chunks) {
    lines.push(bytes);
    onBytes(bytes.length);
    await verifier.settle();
  }
  lines.end();
}

/** A head that was kept elsewhere, written COUNT:LINK. */
function keptHead(text) {
  const [, count, link] = /^([0-9]+):([0-9a-f]{64})$/.exec(text) ?? [];
  const number = count === undefined ? null : decimal(count);
  if (number === null) throw new Malformed(`${quoted(text)} is no head: COUNT:LINK, a number and 64 hexadecimal digits`);
  return { count: number, link };
}

// ---- Words ----

const VERDICTS = { 0: "sound", 10: "BROKEN", 11: "BROKEN", 12: "sound" };

/** What was checked, of a verdict. */
function checked({ signatures, checkpoints, isKeyed }) {
  const all = ["form", "order", "links", "digests", "batches", "clock", "encoding"];
  if (signatures !== null) all.push(`signatures of recorders and parties: ${signatures}`);
  if (checkpoints) all.push(`checkpoints${isKeyed ? " and their signatures" : ""}: ${checkpoints}`);
  return all;
}

/** What was not checked, of a verdict: each with what would tell, on the command line and in a page. */
function notChecked({ signatures, withheld, checkpoints, isKeyed, isCompared }) {
  const all = [["the rules of events"], ["snapshots"]];
  if (signatures === null) all.push(["signatures after the first record that cannot be read"]);
  if (withheld) all.push([`whether a recorder had to sign appends of which a payload is erased: ${withheld}`]);
  if (checkpoints && !isKeyed) {
    all.push(["who made the checkpoints", "--log-key VKEY tells", "the log's public key tells"]);
  }
  if (!isCompared) {
    const page = "a checkpoint or a head that you kept elsewhere tells";
    all.push(["whether the tail was cut or all of it rewritten", "--checkpoint FILE tells, or --head", page]);
  }
  return [...all, ["whether the clock was right"], ["whether what was recorded is true"]];
}

/** A verdict in one line, as the command line gives it. */
function summary(verdict) {
  const { code, findings, records, head, tree, asserted } = verdict;
  const count = findings.length ? `, findings: ${findings.length}` : "";
  const parts = [`${VERDICTS[code]}${count}`, `records: ${records}`];
  parts.push(head ? `head ${head.count}:${head.link}` : "no head");
  parts.push(tree ? `tree ${tree.size}:${tree.root}` : "no tree");
  if (asserted) parts.push(`recorded times of the first ${asserted} records asserted, not the machine's`);
  const open = notChecked(verdict).map(([what, remedy]) => (remedy ? `${what} (${remedy})` : what));
  return `${parts.join("; ")}. Checked: ${checked(verdict).join(", ")}. Not checked: ${open.join("; ")}.`;
}

/** The findings and the verdict, each a line. */
function said(verdict) {
  const lines = verdict.findings.map(({ where, kind, text }) => plain(`${where}: ${kind}: ${text}`));
  if (!verdict.isAnchored) lines.push("policy: not anchored: no checkpoint given is cosigned by the quorum");
  return [...lines, summary(verdict)];
}

/** A value of an event as JSON, which JSON.stringify cannot write where a number is beyond 2^53. */
function toJson(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([name, of]) => `${JSON.stringify(name)}:${toJson(of)}`);
  return `{${members.join(",")}}`;
}

// ---- Files in a browser ----

/** The files of a bundle (ustar), by name; null if the file is no archive. */
async function filesOfBundle(file) {
  const files = new Map();
  for (let at = 0; at + 512 <= file.size; ) {
    const header = new Uint8Array(await file.slice(at, at + 512).arrayBuffer());
    const text = (from, to) => new TextDecoder().decode(header.subarray(from, to)).replace(/\0.*$/s, "");
    if (text(257, 262) !== "ustar") return files.size ? files : null;
    const size = parseInt(text(124, 136), 8);
    files.set(text(0, 100), file.slice(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files.size ? files : null;
}

async function* chunksOf(blob) {
  const size = 1 << 20;
  for (let at = 0; at < blob.size; at += size) yield new Uint8Array(await blob.slice(at, at + size).arrayBuffer());
}

/** Does what `work` does, and says of whom it is if that is malformed. */
function of(what, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof Malformed) error.message = `${what}: ${error.message}`;
    throw error;
  }
}

const bytesIn = async (blob) => new Uint8Array(await blob.arrayBuffer());

/**
 * Verifies an export, or the export in a bundle with the checkpoints beside it. `asked` has `file`, `checkpoints` (files),
 * `note` (a checkpoint as text), `logKey`, `policy` and `head` (texts, which may be empty). Calls `onProgress` with how
 * many bytes were read, of how many, and with how many records. Throws Malformed if something asked for is none.
 */
async function verifyFile(asked, onProgress) {
  const { file, note, logKey, policy, head } = asked;
  const bundle = await filesOfBundle(file);
  const blob = bundle ? bundle.get("records.ndjson") : file;
  if (!blob) throw new Malformed(`${file.name} is an archive without the file records.ndjson`);
  const checkpoints = [];
  const add = (name, bytes) => checkpoints.push(of(name, () => new Checkpoint(name, bytes)));
  for (const one of asked.checkpoints) add(one.name, await bytesIn(one));
  if (note.trim()) add("pasted", toUtf8.encode(note));
  for (const name of ["checkpoint", "cosigned"]) {
    if (bundle?.has(name)) add(`${name} in the bundle`, await bytesIn(bundle.get(name)));
  }
  const isOwn = checkpoints.length > 0 && !asked.checkpoints.length && !note.trim();
  const key = logKey.trim() ? of("the log's key", () => new Key(logKey.trim(), LOG)) : null;
  const rules = policy.trim() ? of("the policy", () => new Policy(toUtf8.encode(`${policy.trim()}\n`))) : null;
  if ((key || rules) && !checkpoints.length) {
    throw new Malformed("a log's key or a policy says who signed a checkpoint: give the checkpoint too");
  }
  const kept = head.trim() ? keptHead(head.trim()) : null;
  const verifier = new Verifier({ checkpoints, head: kept });
  let done = 0;
  await readExport(chunksOf(blob), verifier, (bytes) => {
    done += bytes;
    onProgress({ done, of: blob.size, records: verifier.records });
  });
  const verdict = await verifier.conclude({ logKey: key, policy: rules });
  return { ...verdict, isOwn, hasPolicy: Boolean(bundle?.has("policy")) && !rules };
}

/** In a worker: answers a request with progress, and then with a verdict or with what is wrong with the request. */
function work() {
  globalThis.onmessage = async ({ data: asked }) => {
    try {
      const verdict = await verifyFile(asked, (progress) => postMessage({ progress }));
      for (const finding of verdict.findings) finding.text = plain(finding.text);
      postMessage({ verdict, checked: checked(verdict), notChecked: notChecked(verdict) });
    } catch (error) {
      postMessage({ wrong: plain(error.message) });
    }
  };
}

return {
  Malformed, Key, LOG, Checkpoint, Policy, Verifier, readExport, keptHead, verifyFile, said, summary, checked, notChecked,
  toJson, work, sha256, blake3, linkOf, payloadDigest, leafOf, Tree, decodeEvent, isStrict, soundKey, equationHolds,
  platformEd25519, useEd25519, KINDS, hex, unhex, decimal, plain,
};
}

// ---- The command line ----

const USAGE = `usage: verify.js [-h] [--checkpoint FILE] [--log-key VKEY] [--policy FILE]
                 [--head COUNT:LINK] [--events]
                 [file]
`;

const HELP = `${USAGE}
Verifies what \`servanda export --raw\` wrote.

  file               the export (- or none is standard input)
  -h, --help         show this help and exit
  --checkpoint FILE  a checkpoint that was kept elsewhere; can be given more than once
  --log-key VKEY     the log's public key, or its file
  --policy FILE      a policy of witnesses
  --head COUNT:LINK  a head that was kept elsewhere
  --events           print the events; findings go to standard error

Exit codes: 0 sound, 10 integrity broken, 11 a signature is bad, 12 sound but not anchored where that was asked, 1 a file
cannot be read, 2 wrong usage.
`;

/** An exit before there is a verdict. */
class Stop extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

/** What the words of a command line ask for. */
function parseArguments(words) {
  const asked = { checkpoints: [], logKey: null, policy: null, head: null, events: false, file: null };
  const rest = [...words];
  const wrong = (text) => new Stop(2, `${USAGE}verify.js: error: ${text}`);
  while (rest.length) {
    const [word, ...behind] = rest.shift().split(/(?<=^--[a-z-]+)=/);
    const value = () => {
      const found = behind.length ? behind.join("=") : rest.shift();
      if (found === undefined) throw wrong(`argument ${word}: expected one argument`);
      return found;
    };
    if (word === "-h" || word === "--help") throw new Stop(0, HELP);
    else if (word === "--checkpoint") asked.checkpoints.push(value());
    else if (word === "--log-key") asked.logKey = value();
    else if (word === "--policy") asked.policy = value();
    else if (word === "--head") asked.head = value();
    else if (word === "--events") asked.events = true;
    else if ((word.startsWith("-") && word !== "-") || asked.file !== null) throw wrong(`unrecognized arguments: ${word}`);
    else asked.file = [word, ...behind].join("=");
  }
  if ((asked.logKey !== null || asked.policy !== null) && !asked.checkpoints.length) {
    throw wrong("--log-key and --policy say who signed: give the --checkpoint FILE too");
  }
  return asked;
}

/** Runs the command line and gives the exit code. */
async function main(words) {
  const library = servandaVerifier();
  const fs = require("node:fs");
  // What is malformed ends with this code, what cannot be read with 1.
  const reading = (code, what, read) => {
    try {
      return read();
    } catch (error) {
      if (error instanceof library.Malformed) throw new Stop(code, library.plain(`${what}: ${error.message}`));
      if (error.code) throw new Stop(1, `${what}: ${error.message}`);
      throw error;
    }
  };
  const print = (lines, stream) => stream.write(lines.map((line) => `${line}\n`).join(""));
  try {
    const asked = parseArguments(words);
    const head = asked.head === null ? null : reading(2, "--head", () => library.keptHead(asked.head));
    const text = asked.logKey !== null && fs.existsSync(asked.logKey) ? fs.readFileSync(asked.logKey, "utf8") : asked.logKey;
    const logKey = text === null ? null : reading(2, "--log-key", () => new library.Key(text.trim(), library.LOG));
    const inFile = (path, parse) => reading(1, path, () => parse(new Uint8Array(fs.readFileSync(path))));
    const policy = asked.policy === null ? null : inFile(asked.policy, (bytes) => new library.Policy(bytes));
    const checkpoints = asked.checkpoints.map((path) => inFile(path, (bytes) => new library.Checkpoint(path, bytes)));
    const onEvent = asked.events ? (event) => print([library.toJson(event)], process.stdout) : null;
    const verifier = new library.Verifier({ checkpoints, head, onEvent });
    const isFile = asked.file !== null && asked.file !== "-";
    const chunks = isFile ? fs.createReadStream(asked.file, { highWaterMark: 1 << 20 }) : process.stdin;
    try {
      await library.readExport(chunks, verifier);
    } catch (error) {
      throw error.code ? new Stop(1, `${asked.file ?? "-"}: ${error.message}`) : error;
    }
    const verdict = await verifier.conclude({ logKey, policy });
    print(library.said(verdict), asked.events ? process.stderr : process.stdout);
    return verdict.code;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    print([error.message.trimEnd()], error.code ? process.stderr : process.stdout);
    return error.code;
  }
}

// ---- The page ----

const WHAT_IS_CHECKED = {
  form: "Form: whether each record has the bytes that the format demands.",
  order: "Order: whether the records are numbered from 0 without a gap.",
  links: "Links: whether each record continues the one before it.",
  digests: "Digests: whether the words are those that were recorded.",
  batches: "Batches: whether each append is there as a whole.",
  clock: "Clock: whether no record is dated before an earlier one.",
  encoding: "Encoding: whether each event can be read, and has its one spelling.",
};

const WHAT_IS_WRONG = {
  malformed: "This is no record of the format.",
  missing: "Records are missing.",
  misplaced: "A record is not in its place.",
  link: "The record does not continue the one before it.",
  batch: "An append is not whole.",
  clock: "The clock ran back.",
  payload: "The words are not those that were recorded.",
  encoding: "The words cannot be read.",
  "payload-gone": "Words are gone, and no redaction says why.",
  signature: "A signature is missing, does not hold, or is one too many.",
  head: "The records do not end where they should.",
  anchor: "This is not the history of a checkpoint.",
};

/** How many findings the page lists. */
const LISTED = 200;

const counted = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** The verdict in sentences: the first is the answer. */
function sentences({ code, findings, records, origin, asserted, checkpoints, isKeyed, isOwn, hasPolicy }) {
  const all = [];
  const name = origin ?? "this export";
  const found = counted(findings.length, "finding", "findings");
  if (code === 10) all.push(`Broken: ${found} in ${name}.`, "This is not what was recorded, or not all of it.");
  if (code === 11) all.push(`A signature is bad: ${found} in ${name}.`, "Apart from that, the records fit together.");
  if (code === 12) all.push("Sound, but not anchored: not enough of the policy's witnesses cosigned a checkpoint.");
  if (code === 0) all.push(`Sound: the ${counted(records, "record", "records")} of ${name} fit together.`);
  if (code === 0 && checkpoints) all.push(`They lead through ${counted(checkpoints, "checkpoint", "checkpoints")}.`);
  if (checkpoints && isOwn && !isKeyed) {
    all.push("All checkpoints came with the bundle, and no key was given: they prove no more than the records do.");
  }
  if (hasPolicy) all.push("The bundle's own policy was not used: paste one that you trust.");
  if (asserted) {
    all.push(`The times of the first ${counted(asserted, "record", "records")} are what the recorder asserts.`);
  }
  if (code === 0 && !checkpoints) all.push("Compare the head below with one that somebody else has.");
  return all;
}

function servandaPage(form) {
  const field = (name) => form.elements.namedItem(name);
  const byId = (id) => document.getElementById(id);
  const result = byId("result");
  let worker = null;

  /** An element with a text or with elements in it. */
  function element(name, ...content) {
    const made = document.createElement(name);
    made.append(...content);
    return made;
  }

  const list = (items) => element("ul", ...items.map((item) => element("li", item)));

  function stop() {
    worker?.terminate();
    worker = null;
    byId("running").hidden = true;
    byId("start").disabled = false;
  }

  function show(tone, ...content) {
    stop();
    result.className = tone;
    result.replaceChildren(...content);
    result.hidden = false;
    result.focus();
  }

  function showProgress({ done, of, records }) {
    byId("progress").value = of ? done / of : 0;
    byId("count").textContent = `${counted(records, "record", "records")} read`;
  }

  function listOf(findings) {
    const items = findings.slice(0, LISTED).map(({ where, kind, text }) => {
      const what = element("strong", `${where[0].toUpperCase()}${where.slice(1)}, ${kind}: `);
      return element("li", what, WHAT_IS_WRONG[kind], element("small", `${text[0].toUpperCase()}${text.slice(1)}.`));
    });
    const left = findings.length - items.length;
    if (left) items.push(element("li", `And ${counted(left, "more", "more")}.`));
    return element("ul", ...items);
  }

  function showVerdict(verdict, checked, notChecked) {
    const [answer, ...more] = sentences(verdict);
    const { code, findings, head, tree } = verdict;
    const facts = [
      ["Head", head ? `${head.count}:${head.link}` : "none"],
      ["Root of the tree", tree ? tree.root : "none"],
    ];
    const terms = facts.flatMap(([term, what]) => [element("dt", term), element("dd", element("code", what))]);
    const open = notChecked.map(([what, , remedy]) => `${what[0].toUpperCase()}${what.slice(1)}${remedy ? `: ${remedy}` : ""}.`);
    show(
      { 0: "good", 12: "attention" }[code] ?? "bad",
      element("h2", answer),
      element("p", more.join(" ")),
      ...(findings.length ? [listOf(findings)] : []),
      element("dl", ...terms),
      element("h3", "What was checked"),
      list(checked.map((what) => WHAT_IS_CHECKED[what] ?? `${what[0].toUpperCase()}${what.slice(1)}.`)),
      element("h3", "What was not checked"),
      list(open),
    );
  }

  function start() {
    stop();
    result.hidden = true;
    const source = new Blob([`(${servandaVerifier})().work()`], { type: "text/javascript" });
    const url = URL.createObjectURL(source);
    worker = new Worker(url);
    URL.revokeObjectURL(url);
    worker.onmessage = ({ data: { progress, verdict, wrong, checked, notChecked } }) => {
      if (progress) showProgress(progress);
      else if (verdict) showVerdict(verdict, checked, notChecked);
      else show("bad", element("h2", "Nothing was verified."), element("p", wrong));
    };
    worker.onerror = ({ message }) => show("bad", element("h2", "The verifier failed."), element("p", message));
    byId("start").disabled = true;
    byId("running").hidden = false;
    showProgress({ done: 0, of: 1, records: 0 });
    const texts = Object.fromEntries(["note", "logKey", "policy", "head"].map((name) => [name, field(name).value]));
    worker.postMessage({ file: field("file").files[0], checkpoints: [...field("checkpoints").files], ...texts });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  byId("stop").addEventListener("click", stop);
  byId("wait").remove();
  form.hidden = false;
}

if (typeof document !== "undefined") {
  const form = document.getElementById("verify");
  if (form) servandaPage(form);
} else if (typeof require === "function" && require.main === module) {
  main(process.argv.slice(2)).then((code) => (process.exitCode = code));
} else if (typeof module !== "undefined") {
  module.exports = servandaVerifier();
}
