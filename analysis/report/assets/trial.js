// The panel of one trial: the one under the pointer, else the one that was clicked.
const panel = document.getElementById("trial");

function swatch(index, size = 16) {
  const { symbol } = study.series[index];
  const colour = colourOf(index);
  const open = symbol.endsWith("-open");
  const shapes = {
    star: "M8 1l2 4.6 5 .5-3.8 3.3 1.1 4.9L8 11.7l-4.3 2.6 1.1-4.9L1 6.1l5-.5z", circle: "M8 2.5a5.5 5.5 0 100 11 5.5 5.5 0 000-11z", square: "M3 3h10v10H3z",
    "triangle-up": "M8 2l6.5 11.5h-13z", "triangle-down": "M8 14L1.5 2.5h13z", "triangle-left": "M2 8l11.5-6.5v13z", "triangle-right": "M14 8L2.5 1.5v13z",
    diamond: "M8 1l6.5 7L8 15 1.5 8z", cross: "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z", x: "M4.2 2L8 5.8 11.8 2 14 4.2 10.2 8l3.8 3.8-2.2 2.2L8 10.2 4.2 14 2 11.8 5.8 8 2 4.2z",
    hexagon: "M8 1.5l5.6 3.2v6.6L8 14.5l-5.6-3.2V4.7z", pentagon: "M8 1.5l6.5 4.7-2.5 7.8H4L1.5 6.2z",
  };
  const fill = open ? `fill="none" stroke="${colour}" stroke-width="1.6"` : `fill="${colour}"`;
  return `<svg class="swatch" width="${size}" height="${size}" viewBox="0 0 16 16" aria-hidden="true"><path d="${shapes[symbol.replace("-open", "")] ?? shapes.circle}" ${fill}/></svg>`;
}

const figure = (value, label) => `<div><b>${value}</b><span>${escapeHtml(label)}</span></div>`;

function describeCounts(row) {
  const { dense: whole } = seriesOf(row);
  return study.counts.map(({ name, unit }) => {
    const value = trials.counts[name][row];
    const full = whole[name];
    const against = value !== null && full ? ` · ${percent(value / full)} of dense${value && value < full ? `, ${short(Number((full / value).toPrecision(3)))}×` : ""}` : "";
    return figure(unit && value !== null ? `${short(value)} ${unit}` : short(value), `${name}${against}`);
  }).join("");
}

function describeLayers(row) {
  const widths = trials.widths[row];
  const whole = seriesOf(row).dense_widths;
  if (!widths || !whole) return "";
  const bars = widths.map((units, layer) => `<div class="layer-bar"><span>${layer + 1}</span><i style="--share:${(100 * units) / whole[layer]}%;--colour:${colourOf(trials.series[row])}"></i><span>${units} of ${whole[layer]}</span></div>`);
  const more = bars.length > 16 ? `<details><summary>all ${bars.length} layers</summary>${bars.slice(16).join("")}</details>` : "";
  return `<h4>Units by layer</h4>${bars.slice(0, 16).join("")}${more}`;
}

function describeParameters(row) {
  const entries = Object.keys(study.parameters[trials.series[row]]).map((name) => [name, parameter(row, name)]).filter(([, value]) => value !== null);
  const searched = new Set(varied(trials.series[row]));
  entries.sort(([one], [two]) => searched.has(two) - searched.has(one));
  return `<h4>Parameters</h4><dl class="pairs">${entries.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(short(value))}</dd>`).join("")}</dl>`;
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function describeTrial(row) {
  const index = trials.series[row];
  const status = trials.statuses[trials.status[row]];
  const gain = dense[index] ? null : gainOver(row);
  const where = study.studies[study.series[index].study].location;
  const command = `study export ${quoted(where)} --trial ${quoted(trials.name[row])} --format onnx`;
  return `<h3>${swatch(index)}<span>${escapeHtml(trials.name[row])}</span><button type="button" class="quiet close" aria-label="Close">✕</button></h3>
    <p class="hint">${escapeHtml(study.series[index].title)}${status === "COMPLETE" ? "" : ` · ${escapeHtml(status)}`} · ${duration(trials.seconds[row])}</p>
    ${trials.reason[row] ? `<p class="hint">${escapeHtml(trials.reason[row])}</p>` : ""}
    <div class="figures">${figure(printed(trials.score[row], study.score), `validation ${study.score.name}${gain ? ` · ${gain}` : ""}`)}
    ${figure(printed(trials.test[row], study.score), `test ${study.score.name}${beforePolish(row)}`)}${describeCounts(row)}</div>
    ${describeLayers(row)}${describeParameters(row)}
    ${status === "COMPLETE" ? `<h4>Export</h4>${commandLine(command)}` : ""}`;
}

function beforePolish(row) {
  const before = trials.before?.[row] ?? null;
  return before === null ? "" : ` · validation before polishing ${printed(before, study.score)}`;
}

function gainOver(row) {
  const control = study.series.findIndex((series, index) => dense[index] && series.study === seriesOf(row).study);
  const best = study.fronts[state.count]?.[control]?.at(-1);
  if (best === undefined || trials.score[row] === null || !study.score.percent) return null;
  const points = 100 * (trials.score[row] - trials.score[best]);
  return `${points >= 0 ? "+" : "−"}${Math.abs(points).toFixed(2)} points`;
}

const commandLine = (command) => `<div class="command"><code>${escapeHtml(command)}</code><button type="button" class="quiet" data-copy="${escapeHtml(command)}">copy</button></div>`;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "selected";
  }
  setTimeout(() => (button.textContent = "copy"), 1500);
});

follow(["hovered", "pinned", "selected", "theme", "count"], () => {
  const row = state.hovered ?? state.pinned;
  const chosen = state.selected ? `<div class="selection"><span>${state.selected.length.toLocaleString("en")} trials selected</span><button type="button" class="quiet clear">clear</button></div>` : "";
  const hint = `<h3>A trial</h3><p class="hint">Point at a trial in any figure or table to see what it is: its scores, its layers, its parameters, and the command that exports it. Click to keep it here.</p>`;
  panel.innerHTML = chosen + (row === null || row >= trials.name.length ? hint : describeTrial(row));
  panel.classList.toggle("pinned", state.pinned !== null);
  document.body.classList.toggle("pinned", state.pinned !== null);
  panel.querySelector(".close")?.addEventListener("click", () => change({ pinned: null, hovered: null }));
  panel.querySelector(".clear")?.addEventListener("click", clearSelection);
});

function clearSelection() {
  parallel.brushes = {};
  change({ selected: null });
}
