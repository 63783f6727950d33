// The pages of `servanda serve` in a real browser: the story of a communiqué, the keyboard, no script, and every page looked at.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { withPage, looksRight, faults, root } = require("./browser.js");
const { withServer } = require("./served.js");

const COMMITMENTS = [
  "Increase the presence of the armed forces at informal crossings along the common border",
  "Set up a direct channel of communication between the commanders of both forces",
  "Continue the meetings between the Regional Military Units of both countries",
  "Resume bilateral communication on defence at all levels",
];

/** Fills in the form of a kind of event: texts, words of a list, and what is ticked. */
async function fill(page, origin, kind, fields) {
  if (!page.url().includes(`/record/${kind}`)) await page.goto(`${origin}/record/${kind}`);
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`form.stacked [name="${name}"]`);
    const values = [value].flat();
    for (const [at, text] of values.entries()) {
      if (at > 0) {
        await page.locator(`button[name="more"][value="${name}"]`).click();
        await field.nth(at).waitFor();
      }
      const one = field.nth(at);
      const form = await one.evaluate((field) => `${field.tagName} ${field.type}`);
      if (form.startsWith("SELECT")) await one.selectOption(text);
      else if (/checkbox|radio/.test(form)) await page.locator(`form.stacked [name="${name}"][value="${text}"]`).check();
      else if (form === "INPUT file") await one.setInputFiles(text);
      else await one.fill(text);
    }
  }
  await page.getByRole("button", { name: "Go on" }).click();
  const title = await page.getByRole("heading", { level: 1 }).innerText();
  assert.equal(title, "Is this right?", await page.locator("main").innerText());
}

/** Records an event by form, and gives the number of its record. */
async function record(page, origin, kind, fields) {
  await fill(page, origin, kind, fields);
  await page.getByRole("button", { name: /^Record it/ }).click();
  await page.waitForURL(/\/records\/\d+#recorded$/);
  assert.match(await page.getByRole("status").innerText(), /^It is recorded\./);
  return Number(/records\/(\d+)/.exec(page.url())[1]);
}

/** Lets an event wait for others. */
async function hold(page, origin, kind, fields) {
  await fill(page, origin, kind, fields);
  await page.getByRole("button", { name: /^Keep it/ }).click();
  await page.waitForURL(`${origin}/record`);
}

const mainText = (page) => page.locator("main").innerText();

test("a secretary records the communiqué, and everybody else reads, exports and verifies it", () =>
  withServer([], ({ origin, link, run, stop, directory }) =>
    withPage(async (page) => {
      await page.goto(link);
      assert.match(await mainText(page), /This ledger is empty/);
      const paper = { name: "article.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7 the article") };
      await record(page, origin, "source", { kind: "article", title: "Defence ministers meet in Caracas", published: "12 May 2023", "document-of-digest": paper });

      // The parties, the agreement and its promises: one batch.
      await hold(page, origin, "party", { id: "colombia", kind: "state", name: "Colombia", source: "S1" });
      await hold(page, origin, "party", { id: "venezuela", kind: "state", name: "Venezuela", source: "S1" });
      const parties = ["Colombia", "Venezuela"];
      await hold(page, origin, "agreement", { title: "Outcome of the meeting of the two defence ministers", party: parties, on: "11 May 2023", source: "S1" });
      for (const text of COMMITMENTS) {
        const deadline = text.startsWith("Continue") ? "every month" : "unspecified";
        const fields = { agreement: "A1", text, debtor: "Colombia", creditor: "Venezuela", mutual: "true", deadline, source: "S1: paragraph 2" };
        await hold(page, origin, "commitment", fields);
      }
      assert.match(await mainText(page), /7 events to be recorded together/);
      await looksRight(page, "served-waiting");
      await page.getByRole("button", { name: "Record them" }).click();
      await page.waitForURL(/#recorded$/);
      await page.goto(`${origin}/`);
      assert.match(await mainText(page), /4 promises in 1 agreement\. None was kept or broken on record\./);

      // What became of it.
      await record(page, origin, "progress", { commitment: "C1", text: "Two more posts were opened", on: "July 2023", source: "S1" });
      await page.goto(`${origin}/commitments/C1`);
      await page.getByRole("link", { name: "Somebody kept or broke it" }).click();
      await page.waitForURL(/record\/status/);
      await record(page, origin, "status", { to: "claimed", debtor: "colombia", by: "Colombia", on: "17 November 2023", source: "S1" });
      await page.goto(`${origin}/commitments/C1`);
      await page.getByRole("link", { name: "Somebody disputes it" }).click();
      await page.waitForURL(/record\/contest/);
      await record(page, origin, "contest", { to: "disputed", by: "Venezuela", text: "No post was opened", on: "December 2023", source: "S1" });
      await page.goto(`${origin}/commitments/C1`);
      const dossier = await mainText(page);
      assert.ok(dossier.includes("disputed") && dossier.includes("No post was opened"), dossier);
      await looksRight(page, "served-dispute");

      // A correction, from the record's own page.
      await page.goto(`${origin}/commitments/C2`);
      await page.getByRole("link", { name: "Correct the record" }).click();
      await page.getByRole("radio", { name: "deadline: unspecified" }).check();
      await page.getByRole("button", { name: "Go on" }).click();
      await page.waitForURL(/field=deadline/);
      await page.getByLabel(/^To/).fill("31 January 2024");
      await page.getByLabel(/^Reason/).fill("misread");
      await page.getByRole("button", { name: "Go on" }).click();
      assert.match(await mainText(page), /unspecified\s+2024-01-31/);
      await page.getByRole("button", { name: "Record it" }).click();
      await page.waitForURL(/#recorded$/);

      // A journalist finds it, and follows a link to the dossier.
      await page.getByRole("searchbox", { name: "Search all texts" }).fill("crossings");
      await page.getByRole("search").getByRole("button").click();
      await page.getByRole("link", { name: "C1" }).first().click();
      await page.waitForURL(/\/commitments\/C1/);
      await page.goto(`${origin}/calendar`);
      assert.match(await mainText(page), /January 2024[\s\S]*C2: Set up/);
      const calendar = await (await page.request.get(`${origin}/calendar.ics`)).text();
      assert.match(calendar, /DTSTART;VALUE=DATE:20240131/);
      await page.goto(`${origin}/reports/due`);
      const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "csv" }).click()]);
      assert.match(fs.readFileSync(await csv.path(), "utf8"), /C2,/);
      await page.goto(`${origin}/sources/S1`);
      const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Save the document" }).click()]);
      assert.equal(fs.readFileSync(await saved.path(), "utf8"), "%PDF-1.7 the article");

      // An auditor verifies the raw records in the page, and a copy in which a word was changed.
      const raw = await (await page.request.get(`${origin}/api/v1/raw`)).body();
      await page.goto(`${origin}/verify`);
      const verdict = async (buffer) => {
        await page.getByLabel("The export").setInputFiles({ name: "raw.ndjson", mimeType: "application/octet-stream", buffer });
        await page.getByRole("button", { name: "Verify" }).click();
        const result = page.getByRole("region", { name: "The verdict" });
        await result.waitFor();
        return result.innerText();
      };
      assert.match(await verdict(raw), /^Sound: the 13 records of commission\.example\/minutes fit together\./);
      const at = raw.lastIndexOf('"}');
      const tampered = Buffer.from(raw);
      tampered[at - 1] = tampered[at - 1] === 0x30 ? 0x31 : 0x30;
      assert.match(await verdict(tampered), /^Broken: /);

      await stop();
      assert.match(run("verify"), /sound, 13 records/);
      const documents = path.join(directory, "ledger/documents");
      fs.writeFileSync(path.join(documents, fs.readdirSync(documents)[0]), "another article");
      assert.throws(() => run("verify"), ({ status, stdout }) => status === 10 && stdout.includes("document"));
    }),
  ));

test("a note is recorded with the keyboard alone", () =>
  withServer(["--demo"], ({ link }) =>
    withPage(async (page) => {
      const keys = page.keyboard;
      const focused = () => page.evaluate(() => (document.activeElement.textContent || document.activeElement.name || "").trim());
      /** Presses the tabulator until something is in focus, which must be seen to be. */
      const reach = async (text) => {
        for (let presses = 0; presses < 200; presses += 1) {
          await keys.press("Tab");
          if ((await focused()) !== text) continue;
          const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
          return assert.notEqual(outline, "none", `${text} is in focus, and does not look so`);
        }
        assert.fail(`${text} cannot be reached`);
      };
      const press = (text) => reach(text).then(() => Promise.all([page.waitForEvent("load"), keys.press("Enter")]));
      await page.goto(link);
      await keys.press("Tab");
      assert.equal(await focused(), "Skip to the content");
      await press("Record");
      await press("A note");
      await reach("text");
      await keys.type("Heard by telephone");
      await press("Go on");
      await press("Record it");
      assert.match(page.url(), /#recorded$/);
      assert.match(await mainText(page), /Heard by telephone/);
    }),
  ));

test("a promise is recorded without a script", () =>
  withServer(["--demo"], ({ origin, link }) =>
    withPage(
      async (page) => {
        await page.goto(link);
        const fields = { agreement: "A1", text: "Build a bridge", debtor: ["Colombia", "Venezuela"], deadline: "every year on 1 May" };
        await record(page, origin, "commitment", fields);
        await page.goto(`${origin}/commitments/C5`);
        assert.match(await mainText(page), /Build a bridge/);
        await page.goto(`${origin}/commitments?grep=bridge&sort=-id`);
        assert.equal(await page.locator("tbody tr").count(), 1);
      },
      { javaScriptEnabled: false },
    ),
  ));

test("what was typed and not recorded is offered again", () =>
  withServer(["--demo"], ({ origin, link }) =>
    withPage(async (page) => {
      await page.goto(link);
      await page.goto(`${origin}/record/commitment`);
      await page.locator('[name="text"]').fill("Build a bridge");
      await page.locator('[name="debtor"]').fill("Colombia");
      await page.locator('button[name="more"][value="debtor"]').click();
      await page.locator('[name="debtor"]').nth(1).fill("Venezuela");
      // The window is closed, and the form opened again.
      await page.goto(`${origin}/`);
      await page.goto(`${origin}/record/commitment`);
      const note = page.getByText("What you typed here before was not recorded.");
      await note.waitFor();
      assert.deepEqual(await faults(page), []);
      await page.getByRole("button", { name: "Fill it in again" }).click();
      const debtors = page.locator('[name="debtor"]');
      assert.deepEqual(await debtors.evaluateAll((all) => all.map(({ value }) => value)), ["Colombia", "Venezuela"]);
      await page.locator('[name="agreement"]').fill("A1");
      await record(page, origin, "commitment", {});
      await page.goto(`${origin}/record/commitment`);
      assert.equal(await note.count(), 0);
    }),
  ));

test("a party signs in its browser, and its key stays there", () =>
  withServer([], ({ origin, link, run, stop, directory }) =>
    withPage(async (page) => {
      run("import", path.join(root, "fixtures/communique.ndjson"));
      const file = path.join(directory, "colombia.key");
      run("key", "generate", "--name", "colombia", "--out", file);
      run("record", "party-key", "colombia", "--key", run("key", "show", file).trim());
      const key = fs.readFileSync(file, "utf8").trim();
      assert.match(key, /^PRIVATE\+KEY\+/);
      // The key as it is written, and its seed in the forms in which a script could send it.
      const bytes = Buffer.from(key.split("+").slice(4).join("+"), "base64");
      assert.equal(bytes.length, 33);
      const seed = bytes.subarray(1);
      const secrets = [key, key.slice(-40), bytes.toString("base64"), seed.toString("base64"), seed.toString("base64url"), seed.toString("hex"), [...seed].join(",")];
      const leaves = [];
      page.on("request", (request) => {
        const body = request.postDataBuffer()?.toString("latin1") ?? "";
        leaves.push([request.url(), ...Object.values(request.headers()), body].flatMap((text) => [text, unescape(text.replaceAll("+", " ")), unescape(text)]).join("\n"));
      });

      await page.goto(link);
      await page.goto(`${origin}/commitments/C1`);
      await page.locator('a[href^="/record/acknowledgement?record="]').first().click();
      await page.waitForURL(/record\/acknowledgement\?record=\d+/);
      await page.locator('form.stacked [name="party"]').selectOption("colombia");
      await page.getByRole("button", { name: "Go on" }).click();
      const signed = page.locator("#signed");
      await signed.waitFor();
      assert.match(await signed.textContent(), /^servanda acknowledgement v1\ncommission\.example\/minutes\ncolombia\n\d+\n/);
      await looksRight(page, "served-signing");

      // A file that is no key is refused, and signs nothing.
      const chooser = page.getByLabel("Sign in this browser with the file of the party's key");
      const said = page.locator(".signing output");
      await chooser.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no key") });
      await said.getByText("This is no file of a private key.").waitFor();
      assert.equal(await page.locator("form [name=signature]").inputValue(), "");
      await chooser.setInputFiles(file);
      await said.getByText("Signed. The signature is in the form.").waitFor();
      const signature = await page.locator("form [name=signature]").inputValue();
      assert.equal(Buffer.from(signature, "base64").length, 64);
      assert.equal(await chooser.inputValue(), "");
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByRole("heading", { name: "Is this right?" }).waitFor();
      await page.getByRole("button", { name: /^Record it/ }).click();
      await page.waitForURL(/\/records\/\d+#recorded$/);

      // The signature went to the server, and nothing of the key; the browser keeps nothing of it either.
      assert.ok(leaves.some((text) => text.includes(signature)));
      const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
      for (const secret of secrets) {
        assert.equal(leaves.find((text) => text.includes(secret)), undefined);
        assert.ok(!kept.includes(secret));
      }
      await stop();
      assert.match(run("verify"), /sound, \d+ records/);
      const last = JSON.parse(run("export").trim().split("\n").at(-1));
      assert.deepEqual([last.event, last.party, last.signature], ["acknowledgement", "colombia", signature]);
    }),
  ));

test("every page is right in both widths and colours, and printed", () =>
  withServer(["--demo"], ({ origin, link }) =>
    withPage(async (page) => {
      await page.goto(link);
      const pages = [
        "/", "/commitments", "/commitments/C1", "/agreements", "/agreements/A1", "/parties", "/parties/colombia", "/sources", "/sources/S1",
        "/reports/due", "/calendar", "/log", "/search?q=border", "/reports", "/records/36", "/records/36/redact", "/record", "/record/commitment",
        "/record/source", "/record/status", "/record/status?commitment=C1", "/record/correction?record=19",
        "/record/correction?record=19&field=deadline", "/login",
      ];
      for (const shown of pages) {
        await page.goto(origin + shown);
        await looksRight(page, `served${shown.replace(/\W+/g, "-")}`);
      }
      await page.goto(`${origin}/commitments/C1`);
      await page.emulateMedia({ media: "print", colorScheme: "light" });
      assert.equal(await page.getByRole("navigation", { name: "Pages" }).isVisible(), false);
      assert.equal(await page.getByText("Where it stands").isVisible(), true);
    }),
  ));
