// Parameters: which ones decide, and how.
const varied = (index) => Object.entries(study.parameters[index]).filter(([, entry]) => !("pinned" in entry)).map(([name]) => name);

function decades(rows, name) {
  const values = rows.map((row) => parameter(row, name));
  return Math.log10(Math.max(...values) / Math.min(...values));
}

function rowsOf(index) {
  return everyTrial.filter((row) => trials.series[row] === index && isDrawn(row, state.count));
}

const OBJECTIVE_LOOKS = [["#0072B2", "#3FA2E6", ""], ["#E69F00", "#FFBF3F", "/"]];

function buildImportance() {
  const found = study.importance[state.parametersOf] ?? {};
  const weight = {};
  for (const shares of Object.values(found)) for (const [name, share] of Object.entries(shares)) weight[name] = (weight[name] ?? 0) + share;
  const names = Object.keys(weight).sort((one, two) => weight[one] - weight[two]);
  const ends = (objective, name) => study.importance_intervals[state.parametersOf]?.[objective]?.[name] ?? [null, null];
  const reach = (objective, shares, side) => names.map((name) => (ends(objective, name)[side] === null ? 0 : 100 * Math.abs(ends(objective, name)[side] - (shares[name] ?? 0))));
  const traces = Object.entries(found).map(([objective, shares], index) => ({
    error_x: { type: "data", symmetric: false, array: reach(objective, shares, 1), arrayminus: reach(objective, shares, 0), color: ink("soft"), thickness: 1, width: 3 },
    type: "bar", orientation: "h", name: escapeHtml(axisOf(objective).title), y: names.map(escapeHtml), x: names.map((name) => 100 * (shares[name] ?? 0)),
    marker: { color: OBJECTIVE_LOOKS[index % 2][state.theme === "dark" ? 1 : 0], pattern: { shape: OBJECTIVE_LOOKS[index % 2][2], fillmode: "overlay", fgcolor: ink("card"), fgopacity: 0.8 } },
    hovertemplate: "%{y}: %{x:.1f} %<extra>%{fullData.name}</extra>",
  }));
  document.getElementById("card-importance").hidden = !names.length;
  const said = Object.entries(found).map(([objective, shares]) => `${axisOf(objective).title}: ${Object.entries(shares).sort(([, one], [, two]) => two - one).map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`).join(", ")}`);
  return {
    says: `${said.join(". ")}.`,
    traces: traces.reverse(),
    layout: {
      dragmode: false, bargap: 0.3, showlegend: traces.length > 0, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "reversed" },
      margin: { l: 56, r: 14, t: 34, b: 46 },
      xaxis: { title: { text: "Importance / %" }, rangemode: "tozero" }, yaxis: { showline: false, tickcolor: "rgba(0,0,0,0)" },
    },
  };
}

function buildSlice() {
  const index = Number(state.parametersOf);
  const name = document.getElementById("slice-parameter").value;
  const objective = axisOf(document.getElementById("slice-objective").value || study.score.name);
  const entry = study.parameters[index]?.[name];
  if (!entry) return { traces: [] };
  const rows = rowsOf(index).filter((row) => parameter(row, name) !== null);
  const last = Math.max(...rows.map((row) => trials.number[row]), 1);
  const at = (row) => [entry.words ? escapeHtml(parameter(row, name)) : parameter(row, name), valueOf(row, objective.name) * objective.scale];
  return {
    says: `${rows.length} trials: ${name} across, ${objective.title} up.`,
    traces: [{
      ...dots(rows, at), ...selection(rows),
      marker: { symbol: study.series[index].symbol, size: 8, color: colourOf(index), opacity: rows.map((row) => 0.25 + 0.7 * (trials.number[row] / last)) },
    }],
    places: (row) => (trials.series[row] === index && isDrawn(row, state.count) && parameter(row, name) !== null && !entry.words ? at(row) : null),
    layout: {
      xaxis: { title: { text: escapeHtml(name) }, type: entry.words ? "category" : entry.log ? "log" : "linear", exponentformat: "power", ...(entry.log && decades(rows, name) < 2 ? { dtick: "D2" } : {}) },
      yaxis: { title: { text: titled(objective) }, ...usable(objective) },
    },
  };
}

// Of the score the range of networks one would use, which the front's figure shows at first too.
function usable(objective) {
  const view = study.windows[state.count];
  return objective.name === study.score.name && view && state.view === "close" ? { range: view.y } : {};
}

// Two parameters against each other, shaded by rank in an objective.
function buildPair() {
  const index = Number(state.parametersOf);
  const [across, up] = ["pair-across", "pair-up"].map((id) => document.getElementById(id).value);
  const objective = axisOf(document.getElementById("pair-objective").value || study.score.name);
  const entries = [across, up].map((name) => study.parameters[index]?.[name]);
  document.getElementById("card-pair").hidden = varied(index).length < 2;
  if (entries.some((entry) => !entry)) return { traces: [] };
  const rows = rowsOf(index).filter((row) => parameter(row, across) !== null && parameter(row, up) !== null);
  const worst = [...rows].sort((one, two) => (valueOf(one, objective.name) - valueOf(two, objective.name)) * (objective.maximise ? 1 : -1));
  const last = Math.max(rows.length - 1, 1);
  const place = (row, name, entry) => (entry.words ? escapeHtml(parameter(row, name)) : parameter(row, name));
  const at = (row) => [place(row, across, entries[0]), place(row, up, entries[1])];
  const axis = (name, entry) => ({ title: { text: escapeHtml(name) }, type: entry.words ? "category" : entry.log ? "log" : "linear", exponentformat: "power", ...(entry.log && decades(rows, name) < 2 ? { dtick: "D2" } : {}) });
  const best = worst.length ? `The best, ${trials.name[worst.at(-1)]}, has ${across} ${short(parameter(worst.at(-1), across))} and ${up} ${short(parameter(worst.at(-1), up))}.` : "";
  return {
    says: `${rows.length} trials: ${across} across, ${up} up, shaded by ${objective.title}. ${best}`,
    traces: [{
      ...dots(worst, at), ...selection(worst),
      marker: { symbol: study.series[index].symbol, size: 9, color: worst.map((_, rank) => amount(0.12 + (0.88 * rank) / last)), line: { width: 0.5, color: ink("card") } },
    }],
    places: (row) => (trials.series[row] === index && rows.includes(row) && !entries.some((entry) => entry.words) ? at(row) : null),
    layout: { xaxis: axis(across, entries[0]), yaxis: axis(up, entries[1]) },
  };
}
