"use strict";
// All text of the run is hostile: it reaches the page through textContent only.
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const queries = data.queries;
  const known = new Map(queries.map((q) => [q.id, new Set(q.passages.map((p) => p.id))]));
  const scale = [[2, "Relevant", "1"], [1, "Partly", "2"], [0, "Not relevant", "3"]];
  const markOfKey = { 1: 2, 2: 1, 3: 0 };
  const storageKey = "fret-audit-" + data.audit;
  const clipAt = 6000; // longer passages are shown in part until asked for: a page of 1 MB is slow

  let work = { marker: "", at: 0, marks: {} };
  let current = 0; // the passage that keys mark
  let storage = null;
  let unsaved = false;

  // --- what is kept ---------------------------------------------------------------------------

  try {
    storage = window.localStorage;
    storage.setItem(storageKey + "-try", "1");
    storage.removeItem(storageKey + "-try");
  } catch {
    storage = null;
  }

  function keep() {
    unsaved = true;
    try {
      storage?.setItem(storageKey, JSON.stringify(work));
    } catch {
      storage = null; // full, or switched off since
    }
    byId("storage").hidden = storage !== null;
  }

  // Takes what fits this page from data that may be anything; null where nothing does.
  function readMarks(found) {
    if (found === null || typeof found !== "object" || Array.isArray(found)) return null;
    const marks = {};
    for (const [id, given] of Object.entries(found)) {
      if (!known.has(id) || given === null || typeof given !== "object") continue;
      const passages = {};
      for (const [letter, mark] of Object.entries(given.passages ?? {})) {
        if (known.get(id).has(letter) && [0, 1, 2].includes(mark)) passages[letter] = mark;
      }
      marks[id] = {
        passages,
        nonsense: given.nonsense === true,
        skipped: given.skipped === true,
        note: typeof given.note === "string" ? given.note : "",
      };
    }
    return marks;
  }

  function takeKept(text) {
    try {
      const found = JSON.parse(text);
      const marks = readMarks(found?.marks);
      if (!marks) return;
      const at = Number.isInteger(found.at) && queries[found.at] ? found.at : 0;
      work = { marker: typeof found.marker === "string" ? found.marker : "", at, marks };
    } catch {
      // Kept by something else under this name: begin anew.
    }
  }

  // --- marks ----------------------------------------------------------------------------------

  const query = () => queries[work.at];
  const noMarks = () => ({ passages: {}, nonsense: false, skipped: false, note: "" });
  const marksOf = (q) => work.marks[q.id] ?? noMarks();
  const isDone = (q) => {
    const m = marksOf(q);
    return m.nonsense || m.skipped || q.passages.every((p) => p.id in m.passages);
  };
  const nMarked = () =>
    Object.values(work.marks).reduce((n, m) => n + Object.keys(m.passages).length, 0);

  function change(edit) {
    const marks = marksOf(query());
    edit(marks);
    work.marks[query().id] = marks;
    keep();
    showState();
  }

  function setMark(place, mark) {
    const passage = query().passages[place];
    change((m) => {
      m.skipped = false;
      if (mark === null || m.passages[passage.id] === mark) delete m.passages[passage.id];
      else m.passages[passage.id] = mark;
    });
    const name = scale.find(([value]) => value === marksOf(query()).passages[passage.id]);
    say("Passage " + passage.id.toUpperCase() + ": " + (name ? name[1] : "no mark"));
  }

  function markByKey(mark) {
    const before = isDone(query());
    setMark(current, mark);
    if (mark === null || !(query().passages[current].id in marksOf(query()).passages)) return;
    const n = query().passages.length;
    for (let step = 1; step < n; step += 1) {
      const place = (current + step) % n;
      if (!(query().passages[place].id in marksOf(query()).passages)) return moveTo(place);
    }
    if (!before) byId("next").focus();
  }

  // --- showing --------------------------------------------------------------------------------

  function make(tag, attributes, text) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function setText(element, text, language) {
    element.textContent = text;
    if (language) element.lang = language;
    else element.removeAttribute("lang");
  }

  function makeBody(passage) {
    const body = make("p", { class: "body", dir: "auto" });
    if (passage.text.length <= clipAt * 1.5) return [Object.assign(body, { textContent: passage.text })];
    body.textContent = passage.text.slice(0, clipAt) + " …";
    const more = make("button", { type: "button", class: "more" });
    more.textContent = "Show all of it (" + passage.text.length + " characters)";
    more.addEventListener("click", () => {
      body.textContent = passage.text;
      more.remove();
    });
    return [body, more];
  }

  function makePassage(passage, place) {
    const name = "Passage " + passage.id.toUpperCase();
    const card = make("article", { class: "passage", tabindex: "-1", "aria-label": name });
    if (passage.language) card.lang = passage.language;
    card.append(make("h3", { lang: "en" }, name));
    if (passage.title) card.append(make("p", { class: "title", dir: "auto" }, passage.title));
    card.append(...makeBody(passage));
    const group = make("div", { class: "marks", role: "group", "aria-label": name + ": mark", lang: "en" });
    for (const [value, label, key] of scale) {
      const button = make("button", {
        type: "button", class: "mark" + value, "aria-pressed": "false", "aria-keyshortcuts": key,
      });
      button.dataset.mark = value;
      button.append(make("kbd", { "aria-hidden": "true" }, key), " " + label);
      button.addEventListener("click", () => setMark(place, value));
      group.append(button);
    }
    card.append(group);
    card.addEventListener("focusin", () => setCurrent(place));
    card.addEventListener("click", () => setCurrent(place));
    const item = make("li", {});
    item.append(card);
    return item;
  }

  const cards = () => [...document.querySelectorAll(".passage")];

  function setCurrent(place) {
    current = place;
    cards().forEach((card, i) => card.setAttribute("aria-current", String(i === place)));
  }

  function moveTo(place) {
    if (place < 0 || place >= query().passages.length) return;
    const card = cards()[place];
    card.focus({ preventScroll: true });
    setCurrent(place);
    // A passage taller than the window is shown from its top.
    const tall = card.offsetHeight > window.innerHeight * 0.7;
    card.scrollIntoView({ block: tall ? "start" : "nearest" });
  }

  function goTo(at) {
    if (!queries[at]) return;
    work.at = at;
    keep();
    showQuery();
    byId("where").focus({ preventScroll: true });
    window.scrollTo({ top: topOfQuery() });
  }

  const topOfQuery = () =>
    document.querySelector("main > section").offsetTop - document.querySelector(".bar").offsetHeight - 12;

  function goToOpen() {
    for (let step = 1; step <= queries.length; step += 1) {
      const at = (work.at + step) % queries.length;
      if (!isDone(queries[at])) return goTo(at);
    }
    tell("Every query is done. Save the file.");
  }

  function showQuery() {
    const q = query();
    byId("where").textContent = "Query " + (work.at + 1) + " of " + queries.length;
    setText(byId("task"), q.task);
    setText(byId("text"), q.text, q.language);
    byId("passages").replaceChildren(...q.passages.map(makePassage));
    byId("note").value = marksOf(q).note;
    byId("back").disabled = work.at === 0;
    byId("next").disabled = work.at === queries.length - 1;
    setCurrent(0);
    showState();
  }

  function showState() {
    const q = query();
    const marks = marksOf(q);
    cards().forEach((card, i) => {
      for (const button of card.querySelectorAll(".marks button")) {
        const on = marks.passages[q.passages[i].id] === Number(button.dataset.mark);
        button.setAttribute("aria-pressed", String(on));
      }
    });
    byId("nonsense").setAttribute("aria-pressed", String(marks.nonsense));
    byId("skip").setAttribute("aria-pressed", String(marks.skipped));
    document.body.classList.toggle("aside", marks.nonsense || marks.skipped);
    [...byId("jump").options].forEach((option, i) => {
      option.textContent = i + 1 + (isDone(queries[i]) ? " ✓" : "");
    });
    byId("jump").value = String(work.at);
    const done = queries.filter(isDone).length;
    byId("progress").max = queries.length;
    byId("progress").value = done;
    byId("count").textContent =
      done + " of " + queries.length + " queries, " + nMarked() + " passages marked";
    byId("finished").hidden = done < queries.length;
    byId("finished").textContent =
      "All " + queries.length + " queries are done. Save the file and send it back.";
  }

  const say = (text) => (byId("said").textContent = text);
  let toldTimer = 0;

  function tell(text) {
    byId("told").textContent = text;
    byId("told").hidden = false;
    clearTimeout(toldTimer);
    toldTimer = setTimeout(() => (byId("told").hidden = true), 8000);
  }

  // --- files ----------------------------------------------------------------------------------

  function save() {
    const file = {
      kind: "fret audit marks", version: 1, audit: data.audit, marker: work.marker.trim(),
      saved: new Date().toISOString(), marks: work.marks,
    };
    const name = work.marker.trim().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    const address = URL.createObjectURL(
      new Blob([JSON.stringify(file, null, 1) + "\n"], { type: "application/json" }),
    );
    const link = make("a", { href: address, download: "fret-audit-" + data.audit + "-" + (name || "marks") + ".json" });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    unsaved = false;
    tell("Saved as a file of your downloads: " + nMarked() + " passages marked.");
  }

  async function load(file) {
    let found;
    try {
      found = JSON.parse(await file.text());
    } catch {
      return tell("This file cannot be read: it is damaged, or no file of marks.");
    }
    if (found?.kind !== "fret audit marks") return tell("This is no file of marks from an audit page.");
    if (found.audit !== data.audit) {
      return tell("This file belongs to another audit (" + String(found.audit).slice(0, 40) + "), not to this page.");
    }
    const marks = readMarks(found.marks);
    if (!marks) return tell("This file is damaged: it holds no marks.");
    const question = "Put the marks of the file in the place of the " + nMarked() + " marks here?";
    if (nMarked() && !window.confirm(question)) return;
    work.marks = marks;
    work.marker = typeof found.marker === "string" ? found.marker : "";
    byId("marker").value = work.marker;
    keep();
    unsaved = false;
    const first = queries.findIndex((q) => !isDone(q));
    goTo(first < 0 ? 0 : first);
    tell("Loaded: " + nMarked() + " passages marked.");
  }

  // --- events ---------------------------------------------------------------------------------

  const toggle = (name) =>
    change((m) => {
      m[name] = !m[name];
    });

  const actions = {
    j: () => moveTo(current + 1), ArrowDown: () => moveTo(current + 1),
    k: () => moveTo(current - 1), ArrowUp: () => moveTo(current - 1),
    ArrowRight: () => goTo(work.at + 1), ArrowLeft: () => goTo(work.at - 1),
    n: goToOpen, x: () => toggle("nonsense"), s: () => toggle("skipped"), 0: () => markByKey(null),
    "?": () => (byId("guide").open = !byId("guide").open),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select")) return;
    const act = event.key in markOfKey ? () => markByKey(markOfKey[event.key]) : actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("nonsense").addEventListener("click", () => toggle("nonsense"));
  byId("skip").addEventListener("click", () => toggle("skipped"));
  byId("back").addEventListener("click", () => goTo(work.at - 1));
  byId("next").addEventListener("click", () => goTo(work.at + 1));
  byId("open").addEventListener("click", goToOpen);
  byId("jump").addEventListener("change", (event) => goTo(Number(event.target.value)));
  byId("note").addEventListener("input", (event) => change((m) => (m.note = event.target.value)));
  byId("marker").addEventListener("input", (event) => {
    work.marker = event.target.value;
    keep();
  });
  byId("save").addEventListener("click", save);
  byId("load").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) load(file);
  });
  // The same page in two tabs: the marks that were made last count in both.
  window.addEventListener("storage", (event) => {
    if (event.key !== storageKey || event.newValue === null) return;
    const at = work.at;
    takeKept(event.newValue);
    work.at = at;
    byId("marker").value = work.marker;
    showQuery();
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved && storage === null) event.preventDefault();
  });

  // --- begin ----------------------------------------------------------------------------------

  if (storage) takeKept(storage.getItem(storageKey));
  byId("storage").hidden = storage !== null;
  byId("marker").value = work.marker;
  byId("guide").open = nMarked() === 0;
  byId("jump").append(...queries.map((_, i) => make("option", { value: i })));
  showQuery();
})();
