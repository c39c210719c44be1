// Parallel coordinates: a line per trial through its parameters and what it reached; brushes keep some of them.
const parallel = { holder: document.getElementById("figure-parallel"), brushes: {}, coordinates: [], rows: [] };
const SVG = "http://www.w3.org/2000/svg";

function coordinate(index, name) {
  const entry = study.parameters[index][name];
  const values = parallel.rows.map((row) => parameter(row, name));
  if (!entry.words) return { name, ...numeric(values, entry.log) };
  const words = [...new Set(values.filter((value) => value !== null))].sort();
  const heights = values.map((value) => (value === null ? null : words.length > 1 ? words.indexOf(value) / (words.length - 1) : 0.5));
  return { name, heights, ticks: words.map((word, place) => [words.length > 1 ? place / (words.length - 1) : 0.5, word]) };
}

// From `floor` on, where one is given: what lies below stands at the axis' end.
function numeric(raw, log, floor = -Infinity) {
  const values = raw.map((value) => (value === null ? null : Math.max(value, floor)));
  const scaled = values.map((value) => (value === null ? null : log ? Math.log10(value) : value));
  const known = scaled.filter((value) => value !== null);
  const low = known.reduce((one, two) => Math.min(one, two), Infinity);
  const high = known.reduce((one, two) => Math.max(one, two), -Infinity);
  const heights = scaled.map((value) => (value === null ? null : high > low ? (value - low) / (high - low) : 0.5));
  const text = (share) => short(Number((log ? 10 ** (low + share * (high - low)) : low + share * (high - low)).toPrecision(3)));
  const cut = raw.some((value) => value !== null && value < floor);
  return { heights, ticks: high > low ? [0, 0.25, 0.5, 0.75, 1].map((share) => [share, `${cut && !share ? "≤ " : ""}${text(share)}`]) : [[0.5, text(0)]] };
}

function drawParallel() {
  const index = Number(state.parametersOf);
  if (Number.isNaN(index) || state.hidden.includes(index)) return parallel.holder.replaceChildren();
  parallel.rows = rowsOf(index);
  if (!parallel.rows.length) return parallel.holder.replaceChildren();
  const sizes = [study.score, axisOf(state.count)];
  parallel.coordinates = arranged([
    ...varied(index).map((name) => coordinate(index, name)),
    ...sizes.map((axis) => ({ name: axis.percent || axis.unit ? `${axis.name} / ${axis.unit || "%"}` : axis.name, ...numeric(parallel.rows.map((row) => valueOf(row, axis.name) * axis.scale), false, usable(axis).range?.[0]) })),
  ]);
  const width = Math.max(parallel.holder.clientWidth, 92 * parallel.coordinates.length);
  const height = parallel.holder.clientHeight;
  parallel.frame = { width, height, left: 48, right: 44, top: 30, bottom: 14 };
  const canvas = document.createElement("canvas");
  const ratio = devicePixelRatio || 1;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const svg = element("svg", { width, height });
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", `Parallel coordinates of ${parallel.rows.length} trials of ${study.series[index].title}: ${parallel.coordinates.map((one) => one.name).join(", ")}`);
  parallel.canvas = canvas;
  parallel.holder.replaceChildren(canvas, svg);
  parallel.coordinates.forEach((one, place) => drawAxis(svg, one, place));
  svg.addEventListener("pointermove", (event) => {
    const row = event.pointerType === "mouse" && !event.buttons ? nearestLine(event) : null;
    if (row !== null) enter(row, event);
    else if (state.hovered !== null && !event.buttons) leave();
  });
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("click", (event) => {
    const row = event.target.classList.contains("hit") ? null : nearestLine(event);
    if (row !== null) pin(row);
  });
  drawLines();
}

// As the reader put them: "lr,-lambda" is lr first, then lambda upside down, then the others.
const chosenAxes = () => (state.axes ?? "").split(",").filter(Boolean).map((text) => ({ name: text.replace(/^-/, ""), down: text.startsWith("-") }));

function arranged(coordinates) {
  const chosen = chosenAxes();
  const place = (one) => chosen.findIndex(({ name }) => name === one.name);
  const rank = (one) => (place(one) < 0 ? chosen.length + coordinates.indexOf(one) : place(one));
  const turned = (one) => ({ ...one, down: true, heights: one.heights.map((height) => (height === null ? null : 1 - height)), ticks: one.ticks.map(([share, text]) => [1 - share, text]) });
  return [...coordinates].sort((one, two) => rank(one) - rank(two)).map((one) => (chosen[place(one)]?.down ? turned(one) : one));
}

function arrange(names, turn = null) {
  const down = (name) => Boolean(parallel.coordinates.find((one) => one.name === name).down) !== (name === turn);
  delete parallel.brushes[turn];
  change({ axes: names.map((name) => `${down(name) ? "-" : ""}${name}`).join(",") });
}

const turnAxis = (name) => arrange(parallel.coordinates.map((one) => one.name), name);

function moveAxis(name, place) {
  const names = parallel.coordinates.map((one) => one.name).filter((one) => one !== name);
  names.splice(Math.min(Math.max(place, 0), names.length), 0, name);
  arrange(names);
}

// The name of an axis is its handle: dragged it moves the axis, clicked it turns it round; arrows and Enter do the same.
function handle(svg, label, one, place) {
  let start = null;
  label.addEventListener("pointerdown", (event) => {
    start = event.clientX;
    label.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  label.addEventListener("pointermove", (event) => start !== null && label.setAttribute("x", across(place) + event.clientX - start));
  label.addEventListener("pointerup", (event) => {
    const moved = Math.abs(event.clientX - start) > 6;
    const x = event.clientX - svg.getBoundingClientRect().left;
    start = null;
    if (moved) moveAxis(one.name, Math.round((x - across(0)) / (across(1) - across(0))));
    else turnAxis(one.name);
    drawParallel();
  });
  label.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1 }[event.key];
    if (to !== undefined) moveAxis(one.name, to);
    else if (event.key === "Enter" || event.key === " ") turnAxis(one.name);
    else return;
    event.preventDefault();
    [...parallel.holder.querySelectorAll(".handle")].find((other) => other.dataset.name === one.name)?.focus();
  });
}

function element(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const across = (place) => {
  const { width, left, right } = parallel.frame;
  return left + (place * (width - left - right)) / Math.max(parallel.coordinates.length - 1, 1);
};
const up = (share) => parallel.frame.height - parallel.frame.bottom - share * (parallel.frame.height - parallel.frame.top - parallel.frame.bottom);
const shareAt = (y) => Math.min(Math.max((up(0) - y) / (up(0) - up(1)), 0), 1);

function drawAxis(svg, one, place) {
  const x = across(place);
  const label = element("text", { class: "handle", x, y: 14, "text-anchor": "middle", tabindex: 0, role: "button", "data-name": one.name, "aria-label": `Axis ${one.name}${one.down ? ", turned round" : ""}: arrows move it, Enter turns it round` }, `${one.name} ${one.down ? "↓" : "↑"}`);
  svg.append(element("line", { x1: x, x2: x, y1: up(0), y2: up(1) }), label);
  handle(svg, label, one, place);
  for (const [share, text] of one.ticks) svg.append(element("text", { class: "tick", x: x + 5, y: up(share) + 3 }, text));
  const brush = element("rect", { class: "brush", x: x - 7, width: 14, y: 0, height: 0 });
  const hit = element("rect", { class: "hit", x: x - 16, width: 32, y: up(1) - 6, height: up(0) - up(1) + 12 });
  svg.append(brush, hit);
  const show = () => {
    const range = parallel.brushes[one.name];
    brush.setAttribute("y", range ? up(range[1]) : 0);
    brush.setAttribute("height", range ? up(range[0]) - up(range[1]) : 0);
  };
  show();
  let start = null;
  const local = (event) => shareAt(event.clientY - svg.getBoundingClientRect().top);
  hit.addEventListener("pointerdown", (event) => {
    start = local(event);
    hit.setPointerCapture(event.pointerId);
  });
  hit.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const end = local(event);
    parallel.brushes[one.name] = [Math.min(start, end), Math.max(start, end)];
    show();
    drawLines();
  });
  hit.addEventListener("pointerup", () => {
    const range = parallel.brushes[one.name];
    if (range && range[1] - range[0] < 0.02) delete parallel.brushes[one.name];
    start = null;
    show();
    change({ selected: Object.keys(parallel.brushes).length ? parallel.rows.filter((_, line) => passes(line)) : null });
    drawLines();
  });
}

const passes = (line) => parallel.coordinates.every(({ name, heights }) => {
  const range = parallel.brushes[name];
  return !range || (heights[line] !== null && heights[line] >= range[0] && heights[line] <= range[1]);
});

function drawLines() {
  if (!parallel.canvas?.isConnected) return;
  const pen = parallel.canvas.getContext("2d");
  const ratio = devicePixelRatio || 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, parallel.frame.width, parallel.frame.height);
  const scores = parallel.rows.map((row) => trials.score[row]);
  const order = scores.map((_, line) => line).sort((one, two) => (scores[one] - scores[two]) * (study.score.maximise ? 1 : -1));
  const chosen = state.selected && new Set(state.selected);
  order.forEach((line, rank) => {
    const goodness = order.length > 1 ? rank / (order.length - 1) : 1;
    const kept = passes(line) && (!chosen || chosen.has(parallel.rows[line]));
    pen.globalAlpha = kept ? 0.75 : 0.07;
    pen.strokeStyle = shade(state.theme === "dark" ? 0.25 + 0.75 * goodness : 0.95 * (1 - goodness));
    pen.lineWidth = 1.2;
    stroke(pen, line);
  });
  for (const [name, width] of [["pinned", 3], ["hovered", 3]]) {
    const line = parallel.rows.indexOf(state[name]);
    if (line < 0) continue;
    Object.assign(pen, { globalAlpha: 1, lineWidth: width, strokeStyle: name === "hovered" ? ink("accent") : ink("ink") });
    stroke(pen, line);
  }
}

function stroke(pen, line) {
  pen.beginPath();
  let drawing = false;
  parallel.coordinates.forEach(({ heights }, place) => {
    if (heights[line] === null) return;
    if (drawing) pen.lineTo(across(place), up(heights[line]));
    else pen.moveTo(across(place), up(heights[line]));
    drawing = true;
  });
  pen.stroke();
}

function nearestLine(event) {
  const box = parallel.canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const step = across(1) - across(0);
  const place = Math.min(Math.max(Math.floor((x - across(0)) / step), 0), parallel.coordinates.length - 2);
  const part = (x - across(place)) / step;
  let best = null;
  let least = 10;
  parallel.rows.forEach((row, line) => {
    const [one, two] = [parallel.coordinates[place].heights[line], parallel.coordinates[place + 1].heights[line]];
    if (one === null || two === null || !passes(line)) return;
    const distance = Math.abs(up(one + part * (two - one)) - y);
    if (distance < least) [best, least] = [row, distance];
  });
  return best;
}
