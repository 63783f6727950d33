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
const { exportOf } = require("./many.js");

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
    assert.match(said, /Record 3, payload: The words are not those that were recorded\./);
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

for (const { count, pair } of [{ count: 100_000 }, { count: 10_000, pair: crypto.generateKeyPairSync("ed25519") }]) {
  test(`${count} records${pair ? ", each signed" : ""}, with progress, while the page stays usable`, (context) =>
    withPage(async (page, { seconds }) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "servanda-"));
      const file = path.join(folder, "many.ndjson");
      fs.writeFileSync(file, exportOf(count, pair));
      await open(page);
      await page.evaluate(() => {
        Object.assign(globalThis, { steps: 0, longest: 0 });
        let last = performance.now();
        setInterval(() => {
          const now = performance.now();
          globalThis.longest = Math.max(globalThis.longest, now - last);
          last = now;
        }, 10);
        const progress = document.getElementById("progress");
        new MutationObserver(() => globalThis.steps++).observe(progress, { attributes: true });
      });
      const [from, before] = [performance.now(), await seconds()];
      const said = await verdict(page, file);
      const [took, busy] = [(performance.now() - from) / 1000, (await seconds()) - before];
      fs.rmSync(folder, { recursive: true });
      assert.match(said, new RegExp(`^Sound: the ${count.toLocaleString("en")} records`));
      const { steps, longest } = await page.evaluate(() => ({ steps: globalThis.steps, longest: globalThis.longest }));
      assert.ok(steps >= 5, `${steps} steps of progress`);
      const held = `the page was held up for ${longest.toFixed(0)} ms at most`;
      context.diagnostic(`${busy.toFixed(1)} s of a processor, ${took.toFixed(1)} s by the clock; ${held}`);
      // The clock of a busy machine says little.
      assert.ok(pair || busy < 10, `${busy} s`);
    }));
}
