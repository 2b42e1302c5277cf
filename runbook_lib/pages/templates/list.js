
"use strict";
(() => {
  const SIZE = 200;
  const part = (id) => document.getElementById(id);
  const form = part("filter"), rows = part("rows");
  const fields = ["text", "application", "phase", "outcome", "from", "to", "dry"];
  const plain = (word) => word.replaceAll("_", " ");
  const moment = (at) => at.slice(0, 19).replace("T", " ");
  const all = [...attempts.values()];
  const last = new Map();
  let order = "newest", page = 1, found = [];

  function step(line) {
    const words = plain(line.phase || "?") + (line.weight === null || line.weight === undefined ? "" : " " + line.weight + " %");
    return line.mode && line.mode !== line.phase ? words + " " + line.mode : words;
  }

  function prepare() {
    all.sort((a, b) => a.started < b.started ? 1 : a.started > b.started ? -1 : a.run < b.run ? 1 : a.run > b.run ? -1 : b.attempt - a.attempt);
    for (const line of all) {
      line.text = [line.application, step(line), line.phase, plain(line.outcome), line.outcome, line.message, line.who, line.run, moment(line.started), line.dry_run ? "dry run" : ""].join("\n").toLowerCase();
      const run = line.application + "/" + line.run;
      if (!(last.get(run) > line.attempt)) last.set(run, line.attempt);
    }
    for (const name of [...new Set(all.map((line) => line.application))].sort()) part("applications").append(new Option(name, name));
    for (const select of [form.phase, form.outcome]) {
      const known = new Set([...select.options].map((option) => option.value));
      for (const value of new Set(all.map((line) => line[select.name]))) if (value && !known.has(value)) select.append(new Option(plain(value), value));
    }
  }

  function matches(words, names) {
    const application = form.application.value.trim().toLowerCase(), exact = names.has(application);
    const phase = form.phase.value, from = form.from.value, to = form.to.value, dry = form.dry.value, only = form.last.checked;
    return (line) => (!phase || line.phase === phase)
      && (!application || (exact ? line.application.toLowerCase() === application : line.application.toLowerCase().includes(application)))
      && (!from || !line.ended || line.ended.slice(0, 16) >= from)
      && (!to || line.started.slice(0, 16) <= to)
      && (!dry || (dry === "only") === line.dry_run)
      && (!only || last.get(line.application + "/" + line.run) === line.attempt)
      && words.every((word) => line.text.includes(word));
  }

  function element(tag, name, ...inside) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...inside);
    return made;
  }

  function marked(text, words) {
    const made = document.createDocumentFragment(), lower = text.toLowerCase();
    let at = 0;
    while (words.length && lower.length === text.length) {
      const hits = words.map((word) => [lower.indexOf(word, at), word.length]).filter((hit) => hit[0] >= 0);
      if (!hits.length) break;
      const [start, length] = hits.reduce((a, b) => b[0] < a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a);
      made.append(text.slice(at, start), element("mark", "", text.slice(start, start + length)));
      at = start + length;
    }
    made.append(text.slice(at));
    return made;
  }

  function link(words, ...path) {
    const made = element("a", "", words);
    made.href = "./" + path.map(encodeURIComponent).join("/");
    return made;
  }

  function took(seconds) {
    if (typeof seconds !== "number" || !(seconds >= 0)) return "";
    if (seconds < 120) return seconds.toFixed(1) + " s";
    if (seconds < 7200) return Math.round(seconds / 60) + " min";
    return seconds < 172800 ? (seconds / 3600).toFixed(1) + " h" : (seconds / 86400).toFixed(1) + " d";
  }

  function row(line, words) {
    const folder = "attempt-" + line.attempt, filed = line.outcome !== "open";
    const run = filed ? link("", line.application, line.run, "index.html") : link("", line.application, line.run, folder, "");
    if (filed) run.hash = folder;
    run.append(marked(line.run, words), ", attempt " + line.attempt);
    const links = element("div", "run", run);
    if (line.notebook === true) links.append(link("notebook", line.application, line.run, folder, "notebook.html"));
    if (line.incident === true) links.append(link("after the incident", line.application, line.run, "incident.html"));
    const when = element("time", "", moment(line.started) || "unknown");
    when.dateTime = line.started;
    const steps = element("td", "step", marked(step(line), words));
    if (line.dry_run) steps.append(" ", element("small", "", "dry run"));
    const outcome = element("span", "outcome", plain(line.outcome));
    if (/^[a-z_]+$/.test(line.outcome)) outcome.classList.add(line.outcome);
    return element("tr", "", element("td", "started", when), element("td", "application", marked(line.application, words)), steps,
      element("td", "outcomes", outcome), element("td", "took", took(line.seconds)), element("td", "who", marked(line.who, words)),
      element("td", "told", element("div", "message", marked(line.message, words)), links));
  }

  function tiles(fitting) {
    const counted = new Map();
    for (const line of fitting) counted.set(line.outcome, (counted.get(line.outcome) || 0) + 1);
    const shown = found.length.toLocaleString("en");
    const made = [[new Set(found.map((line) => line.application)).size, "applications"], [new Set(found.map((line) => line.application + "/" + line.run)).size, "runs"], [shown, "attempts"]]
      .map(([number, word]) => element("div", "tile", element("b", "", number.toLocaleString("en")), word));
    for (const outcome of [...form.outcome.options].map((option) => option.value)) {
      if (!outcome || !(counted.has(outcome) || form.outcome.value === outcome)) continue;
      const tile = element("button", "tile", element("b", "", (counted.get(outcome) || 0).toLocaleString("en")), plain(outcome));
      tile.type = "button";
      tile.dataset.outcome = outcome;
      tile.setAttribute("aria-pressed", String(form.outcome.value === outcome));
      made.push(tile);
    }
    const focused = document.activeElement && document.activeElement.dataset.outcome;
    part("tiles").replaceChildren(...made);
    if (focused) made.find((tile) => tile.dataset.outcome === focused)?.focus();
  }

  function show() {
    const words = (form.text.value.toLowerCase().match(/"[^"]+"|[^\s"]+/g) || []).map((word) => word.replaceAll('"', ""));
    const names = new Set(all.map((line) => line.application.toLowerCase()));
    const fitting = all.filter(matches(words, names));
    found = form.outcome.value ? fitting.filter((line) => line.outcome === form.outcome.value) : fitting;
    if (order === "oldest") found = [...found].reverse();
    const pages = Math.max(1, Math.ceil(found.length / SIZE));
    page = Math.min(Math.max(1, page), pages);
    rows.replaceChildren(...found.slice((page - 1) * SIZE, page * SIZE).map((line) => row(line, words)));
    tiles(fitting);
    part("none").hidden = found.length > 0;
    part("none").textContent = all.length ? "No attempt matches." : "Nothing is filed yet.";
    part("shown").textContent = found.length === all.length ? all.length.toLocaleString("en") + " attempts" : found.length.toLocaleString("en") + " of " + all.length.toLocaleString("en") + " attempts";
    part("clear").hidden = !remembered(false);
    part("sort").textContent = "started " + (order === "newest" ? "↓" : "↑");
    part("sort").setAttribute("aria-label", "started, " + order + " first; press to turn the order");
    part("when").setAttribute("aria-sort", order === "newest" ? "descending" : "ascending");
    for (const text of document.querySelectorAll(".pages")) text.textContent = "page " + page + " of " + pages;
    for (const button of document.querySelectorAll("[data-turn]")) {
      button.disabled = button.dataset.turn === "1" ? page === pages : page === 1;
      button.parentElement.classList.toggle("single", pages === 1);
    }
  }

  function remembered(everything) {
    const kept = new URLSearchParams();
    for (const name of fields) if (form[name].value.trim()) kept.set(name, form[name].value.trim());
    if (form.last.checked) kept.set("last", "yes");
    if (everything && order !== "newest") kept.set("order", order);
    if (everything && page > 1) kept.set("page", page);
    return kept.toString();
  }

  function recall() {
    const kept = new URLSearchParams(location.hash.slice(1));
    for (const name of fields) form[name].value = kept.get(name) || "";
    form.last.checked = kept.has("last");
    order = kept.get("order") === "oldest" ? "oldest" : "newest";
    page = parseInt(kept.get("page"), 10) || 1;
    show();
  }

  function changed(first) {
    if (first) page = 1;
    show();
    const now = remembered(true);
    if (now !== location.hash.slice(1)) history.replaceState(null, "", "#" + now);
  }

  function listen() {
    form.addEventListener("input", () => changed(true));
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", recall);
    part("clear").addEventListener("click", () => { form.reset(); changed(true); form.text.focus(); });
    part("sort").addEventListener("click", () => { order = order === "newest" ? "oldest" : "newest"; changed(true); });
    part("tiles").addEventListener("click", (event) => {
      const tile = event.target.closest("[data-outcome]");
      if (tile) { form.outcome.value = form.outcome.value === tile.dataset.outcome ? "" : tile.dataset.outcome; changed(true); }
    });
    for (const button of document.querySelectorAll("[data-turn]")) {
      button.addEventListener("click", () => { page += Number(button.dataset.turn); changed(false); scrollTo(0, 0); });
    }
    addEventListener("keydown", (event) => {
      if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) { event.preventDefault(); form.text.focus(); }
    });
  }

  function complain() {
    const said = broken ? "index.js is missing or damaged, so that this list shows nothing or not all." : damaged ? damaged + " lines of index.js are damaged and left out." : "";
    if (!said) return;
    part("trouble").textContent = said + " “runbook records” writes it anew from the records; each run's own page lies in its folder.";
    part("trouble").hidden = false;
  }

  complain();
  prepare();
  listen();
  recall();
  part("page").hidden = broken && !all.length;
  if (all.length) part("newest").textContent = "The newest attempt listed here began " + moment(all[0].started) + " UTC.";
})();
