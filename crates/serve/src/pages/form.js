// Comfort for forms, which work without it: what was typed is kept in this browser until it is recorded.
"use strict";

(() => {
  const PREFIX = "servanda-draft:";
  // Set when a form is sent to be recorded, and looked at by the page that answers.
  const SENT = "servanda-sent";
  // The session's secret is no part of a draft, and a file cannot be kept.
  const isKept = (field) => field.name && !["csrf", "once", "step"].includes(field.name) && field.type !== "file";
  const form = document.querySelector("form[data-draft]");

  /** What the form holds: names with values, in order. */
  const valuesOf = (form) => {
    const fields = [...form.elements].filter(isKept);
    const given = fields.filter((field) => (/^(checkbox|radio)$/.test(field.type) ? field.checked : field.value !== ""));
    return given.map((field) => [field.name, field.value]);
  };

  const settle = () => {
    const sent = sessionStorage.getItem(SENT);
    if (!sent) return;
    sessionStorage.removeItem(SENT);
    // What was recorded leads to its record; anything else is a failure, and the draft stays.
    if (/^\/(records|sources|log|record)(\/\d+)?$/.test(location.pathname)) localStorage.removeItem(sent);
  };

  /** Fills the form with a draft; where a field has more values than lines, it gets more lines. */
  const restore = (form, draft) => {
    for (const name of new Set(draft.map(([name]) => name))) {
      const values = draft.filter(([given]) => given === name).map(([, value]) => value);
      const fields = [...form.elements].filter((field) => field.name === name && isKept(field));
      fields[0]?.closest("details")?.setAttribute("open", "");
      for (let at = fields.length; at < values.length && fields.length > 0 && fields[0].matches("input[type=text], textarea"); at++) {
        const line = fields.at(-1).cloneNode();
        line.id = `${line.id}-again`;
        fields.at(-1).after(line);
        fields.push(line);
      }
      fields.forEach((field, at) => {
        if (/^(checkbox|radio)$/.test(field.type)) field.checked = values.includes(field.value);
        else field.value = values[at] ?? "";
      });
    }
  };

  const offer = (form, key, draft) => {
    const note = document.createElement("p");
    note.className = "draft";
    note.setAttribute("role", "status");
    const button = (text, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "link";
      made.textContent = text;
      made.addEventListener("click", act);
      note.append(" ", made);
    };
    note.textContent = "What you typed here before was not recorded.";
    button("Fill it in again", () => {
      restore(form, draft);
      note.remove();
    });
    button("Forget it", () => {
      localStorage.removeItem(key);
      note.remove();
    });
    form.before(note);
  };

  /** Signs what the page shows with a key of the form PRIVATE+KEY+NAME+ID+BASE64, whose last part is a type and 32 bytes. */
  const sign = async (file, message) => {
    const parts = (await file.text()).trim().split("+");
    const isKey = parts.length >= 5 && parts[0] === "PRIVATE" && parts[1] === "KEY";
    // Base64 may have plus signs of its own.
    const bytes = isKey ? Uint8Array.from(atob(parts.slice(4).join("+")), (letter) => letter.charCodeAt(0)) : [];
    if (bytes.length !== 33) throw new Error("This is no file of a private key.");
    // RFC 8410: the envelope of an Ed25519 seed.
    const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const key = await crypto.subtle.importKey("pkcs8", Uint8Array.from([...head, ...bytes.slice(1)]), "Ed25519", false, ["sign"]);
    const signature = await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(message));
    return btoa(String.fromCharCode(...new Uint8Array(signature)));
  };

  const signing = document.querySelector(".signing .by-script");
  // Browsers have this on pages of TLS and of their own machine alone.
  if (signing && globalThis.crypto?.subtle) {
    signing.hidden = false;
    const [file, said] = [signing.querySelector("input"), signing.querySelector("output")];
    file.addEventListener("change", async () => {
      try {
        const field = document.querySelector("form [name=signature]");
        field.value = await sign(file.files[0], document.querySelector("#signed").textContent);
        said.textContent = "Signed. The signature is in the form.";
      } catch (error) {
        said.textContent = error.message || "This browser does not sign with Ed25519.";
      }
      file.value = "";
    });
  }

  try {
    settle();
    for (const save of document.querySelectorAll("form[data-saves]")) {
      save.addEventListener("submit", (event) => {
        if (event.submitter?.value === "save" || event.submitter?.value === "hold") sessionStorage.setItem(SENT, PREFIX + save.dataset.saves);
      });
    }
    if (!form) return;
    const key = PREFIX + form.dataset.draft;
    const draft = JSON.parse(localStorage.getItem(key) ?? "null");
    const shown = JSON.stringify(valuesOf(form));
    if (draft && JSON.stringify(draft) !== shown && form.dataset.fresh !== undefined) offer(form, key, draft);
    form.addEventListener("input", () => localStorage.setItem(key, JSON.stringify(valuesOf(form))));
  } catch {
    // Without storage, as in some private windows, there are no drafts.
  }
})();
