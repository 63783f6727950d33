// docs/verify.html in a real browser, opened from the disk and with the network off.
"use strict";
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");
const { pathToFileURL } = require("node:url");
const { withPage, looksRight, root } = require("./browser.js");
const verifier = require(path.join(root, "docs/verify.js"));

const golden = (name) => path.join(root, "fixtures/golden", name);
const signed = fs.readFileSync(golden("signed.ndjson"), "utf8");
const fileOf = (name, text) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });

/** Opens the page from the disk. */
async function open(page) {
  await page.context().setOffline(true);
  await page.goto(pathToFileURL(path.join(root, "docs/verify.html")).href);
}

/** Verifies a file and gives what the verdict says. */
async function verdict(page, file) {
  await page.getByLabel("The export").setInputFiles(file);
  await page.getByRole("button", { name: "Verify" }).click();
  const result = page.getByRole("region", { name: "The verdict" });
  await result.waitFor({ timeout: 120_000 });
  return result.innerText();
}

const openMore = (page) => page.getByText("What you received in another way").click();

test("a sound export is sound, and what was not checked is said", () =>
  withPage(async (page) => {
    await open(page);
    await looksRight(page, "verify-empty");
    const said = await verdict(page, golden("signed.ndjson"));
    assert.match(said, /^Sound: the 13 records of servanda\.example\/log1 fit together\./);
    assert.match(said, /13:ba50a0cbb6343823aaad7ea970542fa8f2248a8d119e621c6b94d6e9b4459a51/);
    assert.match(said, /Signatures of recorders and parties: 6\./);
    assert.match(said, /Whether the tail was cut or all of it rewritten: a checkpoint or a head that you kept elsewhere tells\./);
    assert.match(said, /Whether what was recorded is true\./);
    await looksRight(page, "verify-sound");
  }));

test("a changed byte is found and named, and a bad signature is told apart", () =>
  withPage(async (page) => {
    await open(page);
    const lines = signed.split("\n");
    lines[3] = lines[3].replace(/.("})$/, (end) => `${end[0] === "0" ? "1" : "0"}${end.slice(1)}`);
    const said = await verdict(page, fileOf("tampered.ndjson", lines.join("\n")));
    assert.match(said, /^Broken: /);
    assert.match(said, /record 3\s+payload\s+The words are not those that were recorded\./);
    await looksRight(page, "verify-broken");
    const other = signed.split("\n");
    other[8] = other[8].replace(/..("})$/, (_, end) => `ff${end}`);
    assert.match(await verdict(page, fileOf("other.ndjson", other.join("\n"))), /^A signature is bad: 1 finding /);
  }));

test("a checkpoint, a head and a policy are compared, and what is none is refused", () =>
  withPage(async (page) => {
    await open(page);
    await openMore(page);
    const sound = "servanda.example/log1\n13\n2jpOibOsboU8mkJDHcKdnmQf4xFPNt8Pbpq+FLsBNKg=\n";
    await page.getByLabel("A checkpoint, pasted").fill(sound);
    assert.match(await verdict(page, golden("signed.ndjson")), /They lead through 1 checkpoint\./);
    await page.getByLabel("A checkpoint, pasted").fill(sound.replace("2jpO", "3jpO"));
    assert.match(await verdict(page, golden("signed.ndjson")), /This is not the history of a checkpoint\./);
    await page.getByLabel("A checkpoint, pasted").fill("nonsense");
    assert.match(await verdict(page, golden("signed.ndjson")), /^Nothing was verified\.\s+pasted: it is no checkpoint/);
    await looksRight(page, "verify-wrong");
    await page.getByLabel("A checkpoint, pasted").fill(sound);
    await page.getByLabel("The log's public key").fill("nobody");
    assert.match(await verdict(page, golden("signed.ndjson")), /the log's key: 'nobody' is no vkey/);
    await page.getByLabel("The log's public key").fill("");
    await page.getByLabel("A head").fill(`13:${"0".repeat(64)}`);
    assert.match(await verdict(page, golden("signed.ndjson")), /^Broken: 1 finding /);
  }));

test("a bundle is read with the checkpoint in it", () =>
  withPage(async (page) => {
    await open(page);
    const checkpoint = "servanda.example/log1\n13\n2jpOibOsboU8mkJDHcKdnmQf4xFPNt8Pbpq+FLsBNKg=\n";
    const entry = (name, text) => {
      const header = Buffer.alloc(512);
      header.write(name);
      header.write(text.length.toString(8).padStart(11, "0"), 124);
      header.write("ustar", 257);
      return Buffer.concat([header, Buffer.from(text), Buffer.alloc(-text.length & 511)]);
    };
    const tar = Buffer.concat([entry("records.ndjson", signed), entry("checkpoint", checkpoint), Buffer.alloc(1024)]);
    const said = await verdict(page, { name: "a.tar", mimeType: "application/x-tar", buffer: tar });
    assert.match(said, /^Sound: .*\s+They lead through 1 checkpoint\. All checkpoints came with the bundle/);
  }));

test("the keyboard alone is enough", () =>
  withPage(async (page) => {
    await open(page);
    await page.getByLabel("The export").setInputFiles(golden("raw.ndjson"));
    await page.getByLabel("The export").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.id), "note");
    for (let i = 0; i < 4; i++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Sound: the 4 records of").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "result");
  }));

test("without JavaScript the page says what it needs", () =>
  withPage(
    async (page) => {
      await open(page);
      await page.getByText("This page needs JavaScript").waitFor();
    },
    { javaScriptEnabled: false },
  ));

/** A sound export of this many records, each a batch of its own, and each but the first few signed if there is a key. */
function exportOf(count, pair) {
  const number = (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const text = (words) => {
    const bytes = Buffer.from(words);
    return Buffer.concat([bytes.length > 250 ? Buffer.from([251, bytes.length & 255, bytes.length >> 8]) : Buffer.from([bytes.length]), bytes]);
  };
  const envelope = (by) => Buffer.concat([Buffer.from([0, 0]), by ? Buffer.concat([Buffer.from([1]), text(by)]) : Buffer.from([0]), Buffer.alloc(6)]);
  let vkey = null;
  if (pair) {
    const key = Buffer.concat([Buffer.from([1]), pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32)]);
    const id = crypto.createHash("sha256").update(Buffer.concat([Buffer.from("alice\n"), key])).digest();
    vkey = { id: id.subarray(0, 4), text: `alice+${id.subarray(0, 4).toString("hex")}+${key.toString("base64")}` };
  }
  const payloadOf = (seq) => {
    if (seq === 0) return [0, Buffer.concat([Buffer.from([1]), text("example.org/many"), Buffer.from([0]), envelope()])];
    if (seq === 1 && vkey) {
      return [22, Buffer.concat([Buffer.from([1]), text("alice"), text(vkey.text), Buffer.from([0]), envelope()])];
    }
    const words = `Record ${seq}: the road between the two towns was inspected, and what was promised of it was found in part.`;
    return [18, Buffer.concat([Buffer.from([1]), text(words), Buffer.from([0]), envelope(vkey && "alice")])];
  };
  let prev = Buffer.alloc(32);
  const lines = [];
  for (let seq = 0; seq < count; seq++) {
    const [kind, payload] = payloadOf(seq);
    const salt = crypto.createHash("md5").update(String(seq)).digest();
    const header = Buffer.alloc(128);
    header[0] = 1;
    header[1] = kind === 18 ? 1 : 0;
    header[2] = kind;
    number(seq).copy(header, 8);
    number(1_700_000_000_000_000 + seq).copy(header, 16);
    header.writeUInt32LE(payload.length, 28);
    prev.copy(header, 32);
    Buffer.from(verifier.payloadDigest(Buffer.concat([salt, payload]))).copy(header, 64);
    prev = Buffer.from(verifier.linkOf(header));
    const link = prev.toString("hex");
    let record = Buffer.concat([header, Buffer.from([1]), salt, payload]);
    if (vkey && seq > 1) {
      record[128] = 3;
      const signature = crypto.sign(null, Buffer.from(`servanda recorder v1\nexample.org/many\n${seq + 1}\n${link}\n`), pair.privateKey);
      record = Buffer.concat([record, Buffer.from([1]), vkey.id, signature]);
    }
    lines.push(`{"seq":${seq},"link":"${link}","record":"${record.toString("hex")}"}\n`);
  }
  lines.push(`{"head":{"count":${count},"link":"${prev.toString("hex")}"}}\n`);
  return lines.join("");
}

for (const [what, pair] of [["", null], [", each signed", crypto.generateKeyPairSync("ed25519")]]) {
  test(`100,000 records${what}, with progress, while the page stays usable`, (context) =>
    withPage(async (page) => {
      const count = Number(process.env.SERVANDA_BROWSER_RECORDS ?? 100_000);
      const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "servanda-")), "many.ndjson");
      fs.writeFileSync(file, exportOf(count, pair));
      await open(page);
      await page.evaluate(() => {
        globalThis.steps = [];
        globalThis.longest = 0;
        let last = performance.now();
        setInterval(() => {
          globalThis.longest = Math.max(globalThis.longest, performance.now() - last);
          last = performance.now();
        }, 10);
        const progress = document.getElementById("progress");
        new MutationObserver(() => globalThis.steps.push(progress.value)).observe(progress, { attributes: true });
      });
      const from = performance.now();
      const said = await verdict(page, file);
      const seconds = (performance.now() - from) / 1000;
      const { steps, longest } = await page.evaluate(() => ({ steps: globalThis.steps.length, longest: globalThis.longest }));
      fs.rmSync(path.dirname(file), { recursive: true });
      assert.match(said, new RegExp(`^Sound: the ${count.toLocaleString("en")} records`));
      assert.ok(steps >= 10, `${steps} steps of progress`);
      context.diagnostic(`${count} records${what}: ${seconds.toFixed(1)} s, the page was held up for ${longest.toFixed(0)} ms at most`);
      assert.ok(seconds < 10 || process.env.SERVANDA_BROWSER_SLOW, `${seconds} s`);
    }));
}
