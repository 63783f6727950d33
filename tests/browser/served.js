// A `servanda serve` for the tests of its pages, and the command line beside it.
"use strict";
const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const { root } = require("./browser.js");

// run.sh builds it.
const binary = path.resolve(root, process.env.SERVANDA_BINARY);

/** Runs `test` with a server: its `origin`, the `link` that opens it once, `run` for the command line, `stop`. */
async function withServer(words, test) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "servanda-browser-"));
  const environment = { ...process.env, XDG_STATE_HOME: path.join(directory, "state"), SERVANDA_LEDGER: path.join(directory, "ledger") };
  const run = (...words) => execFileSync(binary, words, { env: environment, encoding: "utf8" });
  if (!words.includes("--demo")) run("init", "--origin", "commission.example/minutes", "--purpose", "the joint commission");
  const child = spawn(binary, ["serve", "--quiet", "--listen", "127.0.0.1:0", ...words], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const after = async (beginning) => {
    const { value } = await lines.next();
    assert.ok(value?.startsWith(beginning), `${value}`);
    return value.slice(beginning.length);
  };
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  try {
    const origin = await after("listening on ");
    const link = await after("open ");
    await test({ origin, link, run, stop, directory });
  } finally {
    await stop();
    fs.rmSync(directory, { recursive: true });
  }
}

module.exports = { withServer };
