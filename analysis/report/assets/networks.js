// Inside the networks: how a trial learned, and which layers a front thins.
const curveRow = () => {
  if (state.pinned !== null && study.curves[state.pinned]) return state.pinned;
  const front = study.fronts[state.count]?.[state.frontOf] ?? [];
  return front.findLast((row) => study.curves[row]) ?? Number(Object.keys(study.curves)[0] ?? NaN);
};

function buildLearning() {
  const row = curveRow();
  const title = document.getElementById("title-learning");
  const note = document.getElementById("note-learning");
  document.getElementById("card-learning").hidden = Number.isNaN(row);
  if (Number.isNaN(row)) return { traces: [], layout: { dragmode: false } };
  const curve = study.curves[row];
  const own = study.studies[seriesOf(row).study];
  title.textContent = `Learning curve of ${trials.name[row]}`;
  const missing = state.pinned !== null && state.pinned !== row ? `The page holds no curve of ${trials.name[state.pinned]}. ` : "";
  const traces = [{ name: study.score.title, x: curve.epoch, y: curve.score, mode: "lines", line: { color: colourOf(trials.series[row]), width: 2 }, hovertemplate: "epoch %{x}: %{y:.4g}<extra></extra>" }];
  const last = curve.widths.length - 1;
  curve.widths.forEach((units, layer) => {
    const colour = layerColour(last ? layer / last : 0);
    traces.push({ name: `units of layer ${layer + 1}`, x: curve.epoch, y: units, yaxis: "y2", mode: "lines", line: { color: colour, width: 1.8, dash: ["solid", "dash", "dashdot", "dot"][layer % 4] }, hovertemplate: `layer ${layer + 1}, epoch %{x}: %{y} units<extra></extra>` });
  });
  const annotations = last < 12 ? curve.widths.map((units, layer) => ({ xref: "paper", x: 1, xanchor: "left", y: units.at(-1), yref: "y2", text: String(layer + 1), showarrow: false, font: { size: 11, color: ink("soft") } })) : [];
  const shapes = [];
  const mark = (epoch, text) => {
    shapes.push({ type: "line", x0: epoch, x1: epoch, yref: "paper", y0: 0, y1: 1, line: { color: ink("soft"), width: 1, dash: "dot" } });
    annotations.push({ x: epoch, yref: "paper", y: 1, yanchor: "bottom", xanchor: "left", text, showarrow: false, font: { size: 11, color: ink("soft") } });
  };
  const { stages } = curve;
  if (stages.length) stages.forEach(([epoch, k]) => mark(epoch - 0.5, `k = ${short(k)}`));
  else if (own.polish) mark(own.epochs - own.polish + 0.5, "polish");
  const gated = curve.gates.length > 1;
  const images = gated ? [gatesOf(curve.gates)] : [];
  document.getElementById("figure-learning").classList.toggle("deep", gated);
  const shaded = gated ? "In the middle how likely the gates are to be open: the stronger the shade, the more gates. " : "";
  note.textContent = `${missing}${shaded}Above the validation score, below the live units of each layer${last < 12 ? ", numbered at the right" : ""}. ${stages.length ? "k: sharpness of the gates in each stage. " : ""}${state.pinned === null ? "Click a trial in any figure to see its own." : ""}`;
  return {
    traces,
    says: `${study.score.title} by epoch: ${short(curve.score[0])} at first, ${short(curve.score.at(-1))} in the end. Live units by layer in the end: ${curve.widths.map((units) => units.at(-1)).join(", ") || "not recorded"}.`,
    layout: {
      dragmode: false, shapes, annotations, images, margin: { l: 56, r: 22, t: 22, b: 46 },
      xaxis: { title: { text: "Epoch" }, anchor: "y2" },
      yaxis: { domain: [gated ? 0.7 : 0.54, 1], title: { text: study.score.percent ? `${study.score.name} / %` : study.score.name }, ...closeRange([curve.score]) },
      yaxis2: { domain: [0, gated ? 0.3 : 0.46], title: { text: "live units" }, rangemode: "tozero" },
      ...(gated ? { yaxis3: { domain: [0.36, 0.64], range: [0, 1], title: { text: "gate open" }, showgrid: false } } : {}),
    },
  };
}

// A column of shades for each epoch; the square root, for most gates are at one end.
function gatesOf(gates) {
  const bins = gates[0].counts.length;
  const total = gates[0].counts.reduce((sum, count) => sum + count, 0);
  const picture = raster(gates.length, bins, (column, bin) => {
    const count = gates[column].counts[bin];
    return count ? amount(Math.sqrt(count / total)) : null;
  });
  const [first, last] = [gates[0].epoch, gates.at(-1).epoch];
  const half = (last - first) / (gates.length - 1) / 2;
  return placed(picture, [first - half, last + half], [0, 1], "y3");
}

// Layers from first to last, without the end of the map that the page's background would swallow.
const layerColour = (share) => shade(state.theme === "dark" ? 0.35 + 0.65 * share : 0.82 * share);

function drawWidths() {
  const holder = document.getElementById("figure-widths");
  const note = document.getElementById("note-widths");
  const series = study.series[state.frontOf];
  const rows = (study.fronts[state.count]?.[state.frontOf] ?? []).filter((row) => trials.widths[row]);
  document.getElementById("card-widths").hidden = !rows.length || !series.dense_widths;
  if (!rows.length || !series.dense_widths) return;
  const room = Math.max(Math.floor((holder.clientWidth - 110) / 38), 6);
  const every = Math.ceil(rows.length / room);
  const shown = rows.filter((_, index) => (rows.length - 1 - index) % every === 0);
  const layers = series.dense_widths.map((_, layer) => layer);
  const grid = document.createElement("div");
  grid.className = "widths";
  grid.style.setProperty("--layers", layers.length);
  grid.style.gridTemplateColumns = `max-content repeat(${shown.length}, minmax(2.1rem, 1fr))`;
  const add = (tag, name, text) => {
    const cell = document.createElement(tag);
    cell.className = name;
    cell.textContent = text;
    grid.append(cell);
    return cell;
  };
  for (const layer of layers) {
    add("span", "layer", `layer ${layer + 1} of ${series.dense_widths[layer]}`);
    for (const row of shown) {
      const units = trials.widths[row][layer];
      const share = units / series.dense_widths[layer];
      const cell = add("button", "cell", String(units));
      cell.type = "button";
      cell.dataset.trial = row;
      cell.style.background = shade(share);
      cell.style.color = share < 0.55 ? "#fff" : "#111";
      cell.setAttribute("aria-label", `${trials.name[row]}, layer ${layer + 1}: ${units} of ${series.dense_widths[layer]} units`);
    }
  }
  const { name, unit } = axisOf(state.count);
  add("span", "layer foot", unit ? `${name} / ${unit}` : name);
  for (const row of shown) add("span", "foot", short(trials.counts[state.count][row]));
  add("span", "layer foot", study.score.percent ? `${study.score.name} / %` : study.score.name);
  for (const row of shown) add("span", "foot", study.score.percent ? printedScore(row).toFixed(1) : short(printedScore(row)));
  holder.replaceChildren(grid);
  linkTrials(grid);
  const thinned = shown.length < rows.length ? `${shown.length} of the ${rows.length} networks on the front, evenly chosen. ` : "";
  note.textContent = `${thinned}Each column is a network, from the smallest to the largest; the lighter a cell, the more of the layer lives.`;
}

// Elements with data-trial behave like points of a figure.
function linkTrials(holder) {
  const rowOf = (event) => event.target.closest("[data-trial]")?.dataset.trial;
  holder.addEventListener("pointermove", (event) => {
    const row = rowOf(event);
    if (row !== undefined && event.pointerType === "mouse") enter(Number(row), event);
  });
  holder.addEventListener("pointerleave", leave);
  holder.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (row !== undefined) pin(Number(row));
  });
  holder.addEventListener("focusin", (event) => {
    const row = rowOf(event);
    if (row !== undefined && event.target.matches(":focus-visible")) change({ hovered: Number(row) });
  });
  holder.addEventListener("focusout", () => change({ hovered: null }));
}

// The classes `hovered` and `pinned` on every element of a trial.
follow(["hovered", "pinned"], () => {
  for (const name of ["hovered", "pinned"]) {
    for (const element of document.querySelectorAll(`[data-trial].${name}`)) element.classList.remove(name);
    for (const element of document.querySelectorAll(`[data-trial="${state[name]}"]`)) element.classList.add(name);
  }
});
