// Puts the page together: the controls, then the figures.
function choice(name, options) {
  const holder = document.querySelector(`[data-choice="${name}"]`);
  for (const [value, text] of options) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => choose({ [name]: value }));
    holder.append(button);
    follow([name], () => button.setAttribute("aria-pressed", String(state[name] === value)));
  }
}

// What the reader chose, not what the page began with, stands in its address.
const choose = (values) => {
  state.chosen = [...new Set([...(state.chosen ?? []), ...Object.keys(values)])];
  change(values);
};

function select(id, key, options, changed = (value) => change({ [key]: value })) {
  const element_ = document.getElementById(id);
  element_.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  element_.addEventListener("change", () => changed(element_.value));
  if (key) follow([key], () => (element_.value = state[key]));
  return element_;
}

function makeChips() {
  const holder = document.getElementById("chips");
  study.series.forEach((series, index) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.title = "Click to show or hide, double-click to show it alone";
    const others = study.series.map((_, other) => other).filter((other) => other !== index);
    chip.addEventListener("click", () => change({ hidden: state.hidden.includes(index) ? state.hidden.filter((one) => one !== index) : [...state.hidden, index] }));
    chip.addEventListener("dblclick", () => change({ hidden: state.hidden.length === others.length ? [] : others.filter((other) => !dense[other]) }));
    follow(["hidden", "theme"], () => {
      chip.innerHTML = `${swatch(index)}${escapeHtml(series.title)}`;
      chip.setAttribute("aria-pressed", String(!state.hidden.includes(index)));
    });
    holder.append(chip);
  });
}

function makeTabs() {
  const tables = [...document.querySelectorAll("#tables [data-table]")];
  const names = [...new Map(tables.map((one) => [one.dataset.table, one.dataset.title]))];
  if (!names.length) return;
  if (!names.some(([name]) => name === state.table)) state.table = names[0][0];
  choice("table", names);
  follow(["table"], () => {
    for (const one of tables) one.hidden = one.dataset.table !== state.table;
  });
}

function makeFigures() {
  const rivals = study.series.map((series, index) => [index, series.title]).filter(([index]) => !dense[index]);
  const valid = (index) => index !== null && study.series[index] && !dense[index];
  if (!study.counts.some((axis) => axis.name === state.count)) state.count = study.counts[0].name;
  const first = rivals.find(([index]) => study.fronts[state.count][index]?.length > 1)?.[0] ?? rivals[0]?.[0] ?? 0;
  for (const key of ["frontOf", "parametersOf"]) if (!valid(state[key])) state[key] = first;
  if (state.pinned >= trials.name.length) state.pinned = null;

  choice("count", study.counts.map((axis) => [axis.name, axis.name === "flops" ? "FLOPs" : axis.name]));
  choice("view", [["close", "close up"], ["all", "all"]]);
  if (Object.values(study.spread).some((found) => Object.keys(found).length)) choice("spread", [["off", "best"], ["on", "spread over searches"]]);
  choice("over", [["trials", "by trials"], ["train_seconds", "by training time"], ["wall_seconds", "by the clock"]]);
  select("front-of", "frontOf", rivals, (value) => choose({ frontOf: Number(value) }));

  new Chart("figure-front", ["count", "view", "spread"], buildFront);
  follow(["count", "view", "spread"], noteFront);
  if (Object.keys(study.tolerance.paths).length) new Chart("figure-tolerance", [], buildTolerance);
  else document.getElementById("tolerance").remove();
  follow(["hidden"], () => {
    const shown = study.series.map((series, index) => (state.hidden.includes(index) ? "" : `<span>${swatch(index)} ${escapeHtml(series.title)}</span>`)).join("");
    for (const holder of document.querySelectorAll(".key")) holder.innerHTML = shown;
  });
  new Chart("figure-volume", ["over"], buildVolume);
  new Chart("figure-budget", [], buildBudget);
  if (study.timeline.bars.length) new Chart("figure-timeline", [], buildTimeline);
  else document.getElementById("card-timeline").remove();
  new Chart("figure-learning", ["pinned", "frontOf", "count"], buildLearning);
  follow(["frontOf", "count"], drawWidths);
  if (study.boundaries.points.length) new Chart("figure-boundary", ["pinned", "frontOf", "count"], buildBoundary);
  else document.getElementById("card-boundary").remove();

  const slice = { parameter: document.getElementById("slice-parameter"), objective: document.getElementById("slice-objective") };
  slice.objective.replaceChildren(...[study.score, ...study.counts].map((axis) => new Option(axis.name, axis.name)));
  const pair = { across: document.getElementById("pair-across"), up: document.getElementById("pair-up"), objective: document.getElementById("pair-objective") };
  pair.objective.replaceChildren(...[study.score, ...study.counts].map((axis) => new Option(axis.name, axis.name)));
  follow(["parametersOf"], () => {
    const names = byWeight(state.parametersOf);
    for (const one of [pair.across, pair.up]) one.replaceChildren(...names.map((name) => new Option(name, name)));
    pair.up.selectedIndex = Math.min(1, names.length - 1);
  });
  follow(["parametersOf"], () => slice.parameter.replaceChildren(...byWeight(state.parametersOf).map((name) => new Option(name, name))));
  select("parameters-of", "parametersOf", rivals, (value) => {
    parallel.brushes = {};
    choose({ parametersOf: Number(value), selected: null, axes: null });
  });
  new Chart("figure-importance", ["parametersOf"], buildImportance);
  const chart = new Chart("figure-slice", ["parametersOf", "count", "view"], buildSlice);
  for (const control of Object.values(slice)) control.addEventListener("change", () => chart.draw());
  const two = new Chart("figure-pair", ["parametersOf", "count"], buildPair);
  for (const control of Object.values(pair)) control.addEventListener("change", () => two.draw());
  follow(["parametersOf", "count", "view", "hidden", "theme", "axes"], drawParallel);
  follow(["hovered", "pinned", "selected"], drawLines);
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) > 1) drawParallel();
    width = entry.contentRect.width;
  }).observe(parallel.holder);
  makeTrialTable();
}

function byWeight(index) {
  const weight = (name) => Object.values(study.importance[index] ?? {}).reduce((sum, shares) => sum + (shares[name] ?? 0), 0);
  return varied(index).sort((one, two) => weight(two) - weight(one));
}

// What sticks to the top is as high as its rows: the panel stands below it, and links lead to below it.
const bar = document.querySelector(".bar");
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);

// While the study runs the page is written again and again: look for news, but not while it is being used.
const watch = Number(document.body.dataset.watch);
if (watch) {
  let used = Date.now();
  for (const name of ["pointermove", "keydown", "scroll"]) addEventListener(name, () => (used = Date.now()), { passive: true });
  setInterval(() => Date.now() - used > 5000 && location.reload(), 1000 * watch);
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    clearSelection();
    change({ pinned: null });
  }
});

makeTabs();
if (study.counts.length) {
  makeChips();
  makeFigures();
} else {
  for (const part of document.querySelectorAll("[data-figures]")) part.remove();
}
document.getElementById(sectionOf())?.scrollIntoView();
document.documentElement.dataset.ready = "true";
