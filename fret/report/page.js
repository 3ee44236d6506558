"use strict";
// All text of the run is hostile: it reaches the page through textContent only.
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const examples = data.examples;
  const clipAt = 1600; // longer passages are shown in part until asked for
  const ways = {
    seed: "is the seed", moved: "moved from the seed", "no seed": "no seed",
    "rule agreed": "all scorers agree",
  };
  const roles = { positive: "Positive", extra: "Further positive", negative: "Negative", seed: "Seed, not chosen" };
  let shown = examples; // those that pass the filters
  let current = examples[0];

  function make(tag, attributes = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  }

  const meaning = (name) => data.meanings[name] ?? name;
  const tell = (value) => (value === null || value === undefined ? "–" : String(value));

  // --- filters --------------------------------------------------------------------------------

  // Letters without their accents and forms, so that "creme" finds "Crème".
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const haystacks = new Map();

  function haystackOf(example) {
    if (!haystacks.has(example)) {
      const parts = [example.task, example.query.join("")];
      for (const p of example.passages) parts.push(p.title, p.text.join(""), p.url);
      for (const [, title, start] of example.refused) parts.push(title, start);
      haystacks.set(example, fold(parts.join("\n")));
    }
    return haystacks.get(example);
  }

  const waysOf = (e) => (e.rule === "agreed" ? [e.how, "rule agreed"] : [e.how]);
  const filters = {
    type: (e) => [e.type],
    language: (e) => [e.language],
    split: (e) => [e.split],
    positive: waysOf,
    negative: (e) => [...e.picks.map((p) => "picked " + p), ...e.reasons.map((r) => "refused " + r)],
  };

  function nameOption(id, value) {
    if (id === "language") return examples.find((e) => e.language === value).languageName;
    if (id === "positive") return ways[value] ?? value;
    if (id === "negative") return meaning(value.slice(value.indexOf(" ") + 1));
    return value;
  }

  function fillFilter(id) {
    const counts = new Map();
    for (const e of examples) for (const v of filters[id](e)) counts.set(v, (counts.get(v) ?? 0) + 1);
    const options = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const toOption = ([value, n]) => make("option", { value }, nameOption(id, value) + " (" + n + ")");
    const select = byId(id);
    select.append(make("option", { value: "" }, "all"));
    if (id === "negative") {
      for (const [start, label] of [["picked ", "picked"], ["refused ", "a candidate refused"]]) {
        const some = options.filter(([value]) => value.startsWith(start));
        if (some.length) select.append(make("optgroup", { label }, ...some.map(toOption)));
      }
    } else select.append(...options.map(toOption));
    select.closest("label").hidden = counts.size < 2;
  }

  const terms = () => fold(byId("search").value).split(/\s+/).filter(Boolean);

  function applyFilters() {
    const wanted = Object.keys(filters).map((id) => [filters[id], byId(id).value]).filter(([, v]) => v);
    const words = terms();
    shown = examples.filter(
      (e) =>
        wanted.every(([valuesOf, value]) => valuesOf(e).includes(value)) &&
        words.every((word) => haystackOf(e).includes(word)),
    );
    if (!shown.includes(current)) current = shown[0];
    byId("count").textContent = shown.length + " of " + examples.length + " examples";
    showList();
    showExample();
  }

  // --- the list -------------------------------------------------------------------------------

  function showList() {
    const items = shown.map((e, place) => {
      const query = make("span", { class: "q", dir: "auto" }, e.query.join(""));
      const button = make("button", { type: "button", tabindex: e === current ? 0 : -1 }, query,
        make("span", { class: "m" }, e.type + ", " + (e.languageName || e.language) + (e.how === "moved" ? ", moved" : "")));
      button.addEventListener("click", () => goTo(place));
      return make("li", {}, button);
    });
    byId("list").replaceChildren(...(items.length ? items : [make("li", { class: "none" }, "Nothing fits. Clear the filters to see all.")]));
    markCurrent(false);
  }

  function markCurrent(scroll) {
    const buttons = byId("list").querySelectorAll("button");
    shown.forEach((e, place) => {
      buttons[place].setAttribute("aria-current", String(e === current));
      buttons[place].tabIndex = e === current ? 0 : -1;
    });
    if (!scroll) return;
    const list = byId("list"), item = buttons[shown.indexOf(current)];
    if (item.offsetTop < list.scrollTop || item.offsetTop + item.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = item.offsetTop - list.clientHeight / 3;
    }
  }

  function goTo(place) {
    if (!shown[place]) return;
    current = shown[place];
    const had = byId("list").contains(document.activeElement);
    markCurrent(true);
    showExample();
    if (had) byId("list").querySelector('[aria-current="true"]').focus({ preventScroll: true });
    try {
      history.replaceState(null, "", "#example-" + current.id);
    } catch {
      // Some browsers let no file change its address; the page works without.
    }
  }

  const step = (by) => goTo(shown.indexOf(current) + by);

  // --- one example ----------------------------------------------------------------------------

  // Pieces of text: every second one is a word of the query.
  function addPieces(element, pieces, most = Infinity) {
    let left = most;
    pieces.forEach((piece, place) => {
      const part = piece.slice(0, left);
      left -= part.length;
      if (part) element.append(place % 2 ? make("mark", {}, part) : part);
    });
    return element;
  }

  function makePassage(p, number) {
    const name = roles[p.role] + (number ? " " + number : "");
    const said = [];
    if (p.isSeed && p.role !== "seed") said.push("the query was written from it");
    if (p.pick) said.push("picked: " + meaning(p.pick));
    if (p.reason) said.push("refused as a negative: " + meaning(p.reason));
    const role = make("h4", { class: "role" }, make("strong", {}, name), said.length ? ", " + said.join(", ") : "");
    const card = make("section", { class: "card passage " + p.role, "aria-label": name }, role);
    if (p.title) card.append(make("p", { class: "title", dir: "auto" }, p.title));
    const length = p.text.reduce((n, piece) => n + piece.length, 0);
    const body = make("p", { class: "body", dir: "auto" });
    card.append(body);
    const rest = make("p", { class: "rest" }, p.cut + " more characters are in the dataset.");
    rest.hidden = !p.cut;
    if (length > clipAt * 1.25) {
      addPieces(body, p.text, clipAt).append("…");
      rest.hidden = true;
      const more = make("button", { type: "button" }, "Show all");
      more.addEventListener("click", () => {
        body.replaceChildren();
        addPieces(body, p.text);
        rest.hidden = !p.cut;
        more.remove();
        markFound();
      });
      card.append(more);
    } else addPieces(body, p.text);
    card.append(rest);
    if (p.url) card.append(make("p", { class: "url", dir: "auto" }, p.url));
    return card;
  }

  function makeScores(e, rows) {
    const columns = e.scorers.map((name, i) => [name, (p) => tell(p.scores[i]) + (p.ranks[i] ? " (#" + p.ranks[i] + ")" : "")]);
    if (rows.some(([, p]) => p.grade !== null)) columns.push(["grade", (p) => tell(p.grade)]);
    if (rows.some(([, p]) => p.similarity !== null)) columns.push(["similarity", (p) => tell(p.similarity)]);
    if (!columns.length) return "";
    const head = make("tr", {}, ...["", ...columns.map(([name]) => name)].map((t) => make("th", { scope: "col" }, t)));
    const body = rows.map(([name, p]) =>
      make("tr", {}, make("th", { scope: "row" }, name), ...columns.map(([, cell]) => make("td", {}, cell(p)))));
    const table = make("table", {}, make("caption", { class: "unseen" }, "Scores, with ranks"), make("thead", {}, head), make("tbody", {}, ...body));
    return make("div", { class: "card scroll scores", tabindex: 0, role: "region", "aria-label": "Scores, with ranks" }, table);
  }

  function makeRefused(e) {
    if (!e.refused.length) return "";
    const groups = new Map();
    for (const [reason, title, start] of e.refused) groups.set(reason, [...(groups.get(reason) ?? []), [title, start]]);
    const total = e.refused.length + e.moreRefused;
    const box = make("details", { class: "card refused" }, make("summary", {}, total + (total === 1 ? " candidate" : " candidates") + " that may be no negative"));
    for (const [reason, rows] of groups) {
      box.append(make("h4", {}, rows.length + " " + meaning(reason)));
      box.append(make("ul", {}, ...rows.map(([title, start]) =>
        make("li", { dir: "auto" }, title ? title + " " : "", make("span", { class: "start" }, start)))));
    }
    if (e.moreRefused) box.append(make("p", { class: "rest" }, e.moreRefused + " more are in the dataset."));
    return box;
  }

  function chipsOf(e) {
    const [retrieved, scored] = e.seedRanks;
    const chips = [e.type, e.languageName || e.language, e.split, "positive: " + (ways[e.how] ?? e.how)];
    if (e.rule === "agreed") chips.push(ways["rule agreed"]);
    if (e.how === "moved") chips.push("seed: rank " + tell(retrieved) + " by retrieval, " + tell(scored) + " after scoring");
    return chips;
  }

  function showExample() {
    const box = byId("example");
    box.replaceChildren();
    if (!current) return;
    const e = current, place = shown.indexOf(e);
    const steps = [["Previous", -1, place > 0], ["Next", 1, place < shown.length - 1]].map(([name, by, can]) => {
      const button = make("button", { type: "button", "aria-keyshortcuts": by < 0 ? "k" : "j" }, name);
      button.disabled = !can;
      button.addEventListener("click", () => {
        step(by);
        const again = [...byId("example").querySelectorAll(".steps button")][by < 0 ? 0 : 1];
        if (!again.disabled) again.focus({ preventScroll: true });
      });
      return button;
    });
    const of = (role) => e.passages.filter((p) => p.role === role);
    const rows = e.passages.map((p) => [of(p.role).length > 1 ? of(p.role).indexOf(p) + 1 : 0, p]);
    const cards = (...wanted) => rows.filter(([, p]) => wanted.includes(p.role)).map(([number, p]) => makePassage(p, number));
    const negatives = make("div", { class: "column" }, ...cards("negative"));
    if (e.moreNegatives) negatives.append(make("p", { class: "rest" }, e.moreNegatives + " more negatives are in the dataset."));
    box.append(
      make("div", { class: "bar" }, make("h3", {}, "Example " + (place + 1) + " of " + shown.length), make("div", { class: "steps" }, ...steps)),
      make("div", { class: "card" },
        make("ul", { class: "chips" }, ...chipsOf(e).map((text) => make("li", {}, text))),
        make("p", { class: "task", dir: "auto" }, e.task),
        make("p", { class: "query", dir: "auto" }, e.query.join(""))),
      make("div", { class: "pair" }, make("div", { class: "column" }, ...cards("positive", "extra", "seed")), negatives),
      makeScores(e, rows.filter(([, p]) => p.role !== "seed").map(([number, p]) => [roles[p.role] + (number ? " " + number : ""), p])),
      makeRefused(e),
    );
    markFound();
  }

  // What is searched for, where it stands as it is written.
  function markFound() {
    if (!window.CSS?.highlights || !window.Highlight) return;
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const ranges = [];
    const walker = document.createTreeWalker(byId("example"), NodeFilter.SHOW_TEXT);
    while (words.length && walker.nextNode() && ranges.length < 2000) {
      if (!walker.currentNode.parentElement.closest(".task, .query, .title, .body")) continue;
      const text = walker.currentNode.data.toLowerCase();
      if (text.length !== walker.currentNode.data.length) continue;
      for (const word of words) {
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          const range = new Range();
          range.setStart(walker.currentNode, at);
          range.setEnd(walker.currentNode, at + word.length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }

  // --- events ---------------------------------------------------------------------------------

  let timer = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(applyFilters, 120);
  });
  for (const id of Object.keys(filters)) byId(id).addEventListener("change", applyFilters);
  byId("filters").addEventListener("reset", () => setTimeout(applyFilters, 0));
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    applyFilters();
  });
  byId("list").addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && event.target === byId("search")) return byId("search").blur();
    if (event.target.closest?.("input, textarea, select")) return;
    const act = { "/": () => byId("search").focus(), j: () => step(1), k: () => step(-1) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // --- begin ----------------------------------------------------------------------------------

  Object.keys(filters).forEach(fillFilter);
  byId("reader").hidden = false;
  const asked = examples.find((e) => location.hash === "#example-" + e.id);
  if (asked) current = asked;
  applyFilters();
  if (asked) {
    markCurrent(true);
    byId("examples").scrollIntoView();
  }
})();
