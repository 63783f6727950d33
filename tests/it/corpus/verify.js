// Verifies much in one process with docs/verify.js, as verify.py beside this file does with docs/verify.py: the same
// arguments, the same standard input, the same answers. Each signature is checked twice, by the platform and by the
// verifier's own Ed25519, which must agree.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [verifierPath, mode] = process.argv.slice(2);
const verifier = require(path.resolve(verifierPath));

function* texts() {
  const input = fs.readFileSync(0);
  for (let at = 0; at < input.length; ) {
    const length = Number(input.readBigUInt64LE(at));
    yield new Uint8Array(input.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
}

async function askBoth() {
  const platform = await verifier.platformEd25519();
  if (!platform) throw new Error("this node has no Ed25519 that is as strict as docs/format.md");
  const answers = new Map();
  verifier.useEd25519(async (key, message, signature) => {
    const name = [key, message, signature].map(verifier.hex).join();
    if (!answers.has(name)) {
      const [theirs, own] = [await platform(key, message, signature), verifier.equationHolds(key, message, signature)];
      if (theirs !== own) throw new Error(`the platform says ${theirs} of the signature ${name}`);
      answers.set(name, own);
    }
    return answers.get(name);
  });
}

async function verdict(text, checkpoints = [], asked = {}) {
  const one = new verifier.Verifier({ checkpoints });
  await verifier.readExport([text], one);
  const found = await one.conclude(asked);
  return { code: found.code, said: verifier.said(found) };
}

async function judged(text, policy, key, checkpoint) {
  let code = 2;
  try {
    const logKey = key.length ? new verifier.Key(new TextDecoder().decode(key), verifier.LOG) : null;
    code = 1;
    const asked = { logKey, policy: policy.length ? new verifier.Policy(policy) : null };
    return await verdict(text, [new verifier.Checkpoint("checkpoint", checkpoint)], asked);
  } catch (error) {
    if (!(error instanceof verifier.Malformed)) throw error;
    return { code, said: [error.message] };
  }
}

async function main() {
  await askBoth();
  const all = texts();
  const say = (found) => console.log(JSON.stringify(found));
  if (mode === "exports") {
    for (const text of all) say(await verdict(text));
    return;
  }
  const text = all.next().value;
  const rest = [...all];
  for (let at = 0; at < rest.length; at += 3) say(await judged(text, ...rest.slice(at, at + 3)));
}

main();
