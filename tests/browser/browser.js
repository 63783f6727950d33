// A real Chromium for the tests in this folder: `sh tests/browser/run.sh` installs what they need and runs them.
//
// A new test is a file NAME.test.js that asks for `withPage`, opens its page and calls `looksRight` on what it shows.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

const root = path.join(__dirname, "../..");
// Where run.sh installed package.json, with a slash at the end.
const installed = createRequire(process.env.SERVANDA_BROWSER_MODULES);
const { chromium } = installed("playwright-core");
const axe = fs.readFileSync(installed.resolve("axe-core/axe.min.js"), "utf8");

/** What every page must be right in: a phone and a desktop, light and dark. */
const LOOKS = [390, 1280].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));

/**
 * Runs `test` with a new page, and with `seconds`, which gives how many seconds of a processor the pages used so far. What
 * the page says on its console as an error, or throws, fails the test.
 */
async function withPage(test, options = {}) {
  // As root, which containers are, Chromium has no sandbox. The pages are ours.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: process.env.SERVANDA_CHROMIUM, args });
  try {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
    const session = await browser.newBrowserCDPSession();
    const seconds = async () => {
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    };
    await test(page, { seconds });
    assert.deepEqual(wrong, []);
  } finally {
    await browser.close();
  }
}

/**
 * What axe finds wrong with the page as it is, by all its rules or by those of this list, and whether it can be scrolled
 * sideways.
 */
async function faults(page, only) {
  // Evaluated and not loaded, so that the page's own policy stays in force.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  // The size of targets is a rule of WCAG 2.2 AA that axe leaves out unless it is asked.
  const options = only ? { runOnly: only } : { rules: { "target-size": { enabled: true } } };
  const { violations } = await page.evaluate((options) => globalThis.axe.run(options), options);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  const isWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  return isWide ? [...found, "it is wider than its window"] : found;
}

/** The rules whose answer depends on colours. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

/**
 * Looks at the page in both widths and both colour schemes: the dark one differs in nothing but its colours. With
 * SERVANDA_SCREENSHOTS, a folder, a picture is kept of each.
 */
async function looksRight(page, name) {
  for (const { width, scheme } of LOOKS) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    const folder = process.env.SERVANDA_SCREENSHOTS;
    if (folder) await page.screenshot({ path: path.join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
    assert.deepEqual(await faults(page, scheme === "dark" ? OF_COLOURS : undefined), [], `${name}, ${width} pixels, ${scheme}`);
  }
}

module.exports = { withPage, looksRight, faults, root };
