// Reports as pages, opened from the disk.
"use strict";
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");
const { pathToFileURL } = require("node:url");
const { withPage, looksRight, root } = require("./browser.js");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "servanda-reports-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));
// Relative to where run.sh is run.
const program = path.resolve(process.env.SERVANDA_BINARY);
const env = { ...process.env, HOME: folder, XDG_STATE_HOME: path.join(folder, "state"), TZ: "UTC" };
const servanda = (...words) => execFileSync(program, words, { env, maxBuffer: 256 * 1024 * 1024 });

/** A ledger of these files, and a function that writes a report of it as a page. */
function ledgerOf(name, purpose, files) {
  const ledger = path.join(folder, name);
  servanda("init", "--ledger", ledger, "--origin", `example.org/${name}`, "--purpose", purpose, "--quiet");
  for (const file of files) servanda("import", file, "--ledger", ledger, "--quiet");
  return (...words) => {
    const page = path.join(folder, `${name}-${words[0]}.html`);
    fs.writeFileSync(page, servanda("report", ...words, "--ledger", ledger, "--format", "html"));
    return page;
  };
}

/** By how many pixels the page is wider than its window. */
const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Events of which the last quarter is argued about, broken, recurring, irregular. */
function many(count) {
  const events = [];
  const parties = Array.from({ length: 60 }, (_, at) => `p${at}`);
  for (const [at, id] of parties.entries()) events.push({ event: "party", id, kind: "state", name: `Republic of Number ${at}` });
  const agreements = Array.from({ length: 120 }, (_, at) => ({ id: `a${at}`, party: [0, 7, 19, 31].map((step) => parties[(at + step) % 60]) }));
  for (const { id, party } of agreements) {
    events.push({ event: "agreement", id, title: `Agreement ${id} on cooperation between neighbours`, party, on: "2010-05-11" });
  }
  const deadlines = ["2014-06-30", "RRULE:FREQ=MONTHLY;INTERVAL=3", "continuing", "unspecified", "2031-03-01"];
  for (let number = 1; events.length < count; number++) {
    const { id: agreement, party } = agreements[number % agreements.length];
    const [debtor, creditor] = [party[number % 4], party[(number + 1) % 4]];
    const commitment = `c${number}`;
    const text = `Open the crossing and repair the road between the two towns before the next session of the commission, item ${number}`;
    events.push({ event: "commitment", id: commitment, agreement, text, debtor, creditor, deadline: deadlines[number % 5] });
    const moved = (to, by, on, more) => events.push({ event: "status", commitment, to, by: [by], on, ...more });
    if (number % 2 === 0) moved("active", creditor, "2011-01-15");
    if (number % 4 === 0) moved("claimed", debtor, "2011-02-15");
    if (number % 8 === 0) moved("fulfilled", creditor, "2011-03-15");
    if (number % 10 === 2 && number % 8) moved("breached", creditor, "2012-09-15");
    if (number % 20 === 6) events.push({ event: "contest", commitment, to: "claimed", by: [creditor], on: "2012-10-15" });
  }
  return events.slice(0, count);
}

const fixture = (name) => path.join(root, "fixtures", name);
const communique = ledgerOf("communique", "What two ministers promised each other", [fixture("communique.ndjson"), fixture("communique-follow-ups.ndjson")]);
const pact = ledgerOf("pact", "The pact on the river", [fixture("pact.ndjson")]);

/** Opens a page of the disk with the network off. */
async function open(page, file) {
  await page.context().setOffline(true);
  await page.goto(pathToFileURL(file).href);
}

/** That the columns of this name stand in the window as it is, each with a cell that is seen. */
async function seen(page, table, names) {
  const found = await page.evaluate(
    ({ table, names }) => {
      const within = (element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 0 && left >= 0 && right <= document.documentElement.clientWidth + 1;
      };
      const cells = [...document.querySelectorAll(`#${table} tbody [data-name]`)];
      return names.filter((name) => cells.some((cell) => cell.dataset.name === name && within(cell)));
    },
    { table, names },
  );
  assert.deepEqual(found, names);
}

test("every report of a small ledger looks right", () =>
  withPage(async (page) => {
    for (const [ledger, reports] of [
      [communique, ["all", "status", "due", "matrix", "changes"]],
      [pact, ["status", "party", "curve", "timeline"]],
    ]) {
      for (const report of reports) {
        const file = ledger(report);
        await open(page, file);
        await looksRight(page, path.basename(file, ".html"));
      }
    }
  }));

test("the answer comes first, with names, and ids lead to rows", () =>
  withPage(async (page) => {
    await open(page, communique("all"));
    await page.getByRole("heading", { level: 1, name: "What two ministers promised each other" }).waitFor();
    const answer = await page.locator(".answers").first().innerText();
    assert.match(answer, /^4 promises in 3 agreements\. None was kept or broken on record\./);
    assert.match(answer, /Nothing is overdue\./);
    await page.getByRole("link", { name: "C1", exact: true }).first().click();
    assert.equal(new URL(page.url()).hash, "#id-C1");
    await page.getByRole("link", { name: "Colombia", exact: true }).first().click();
    assert.equal(new URL(page.url()).hash, "#id-colombia");
    const regions = await page.getByRole("region").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? one.getAttribute("aria-labelledby")));
    assert.equal(new Set(regions).size, regions.length);
  }));

test("letters of charts can be read on a phone", () =>
  withPage(
    async (page) => {
      await open(page, communique("all"));
      const sizes = await page.evaluate(() =>
        [...document.querySelectorAll("svg text")].map((text) => {
          const svg = text.ownerSVGElement;
          return (parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width) / svg.viewBox.baseVal.width;
        }),
      );
      assert.ok(sizes.length > 10);
      assert.ok(Math.min(...sizes) >= 11, `${Math.min(...sizes)} pixels`);
    },
    { viewport: { width: 390, height: 900 } },
  ));

test("thousands of events are a page of less than 3 MB that stays usable", () =>
  withPage(async (page) => {
    const events = path.join(folder, "many.ndjson");
    fs.writeFileSync(events, many(2_000).map((event) => `${JSON.stringify(event)}\n`).join(""));
    const large = ledgerOf("large", "Promises between sixty republics", [events]);
    const file = large("all");
    assert.ok(fs.statSync(file).size < 3_000_000, `${fs.statSync(file).size} bytes`);
    await open(page, file);
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      // The rules of accessibility are tried on the small ledger, whose pages have the same parts: here they take minutes.
      assert.equal(await sideways(page), 0, `${width} pixels`);
      await seen(page, "section-1-table-commitments", ["id", "text", "standing", "contest", "due"]);
      const first = page.locator("#section-1-table-commitments tbody tr");
      assert.match(await first.nth(1).innerText(), /c2\b/);
      await page.getByText(/^The first 100 of \d+ rows\./).first().waitFor();
      const text = await page.locator("#section-1-table-commitments tbody .text").first().boundingBox();
      assert.ok(text.width > 250, `${text.width} pixels`);
    }
    assert.doesNotMatch(await page.locator("body").innerText(), /RRULE/);
    await open(page, large("status"));
    assert.equal(await sideways(page), 0);
  }));

test("it prints", () =>
  withPage(async (page) => {
    await open(page, communique("all"));
    await page.emulateMedia({ media: "print" });
    const printed = await page.pdf({ format: "A4", margin: { top: "15mm", bottom: "15mm", left: "15mm", right: "15mm" } });
    assert.ok(printed.length > 20_000);
    const folder = process.env.SERVANDA_SCREENSHOTS;
    if (folder) fs.writeFileSync(path.join(folder, "communique-all.pdf"), printed);
  }));
