// The main figure: a score against a size, every method's front over what it dominates.
const FADED = { light: 0.28, dark: 0.36 };

// On a logarithmic axis a network without any unit stands half a decade left of the smallest other one.
function sizeScale(name, rows) {
  const values = rows.map((row) => trials.counts[name][row]);
  const zero = values.includes(0);
  const least = Math.min(...values.filter((value) => value > 0), Infinity);
  const log = Boolean(study.windows[name]?.log);
  const place = (value) => (log && value === 0 ? least / 3 : value);
  return { log, zero: log && zero, place, least };
}

function buildFront() {
  const name = state.count;
  const rows = everyTrial.filter((row) => isDrawn(row, name));
  const scale = sizeScale(name, rows);
  const at = (row) => [scale.place(trials.counts[name][row]), printedScore(row)];
  const view = study.windows[name];
  const [worst, edge] = outerLimits(rows.map(at), view);
  const traces = [];
  const shapes = [];
  const fronts = study.fronts[name];
  // A configuration of several seeds stands at their mean; its single trials are points.
  const means = study.means[name] ?? {};
  const onMean = (row) => (means[row] ? [scale.place(means[row][0]), means[row][1]] : at(row));

  study.series.forEach((series, index) => {
    if (state.hidden.includes(index)) return;
    const colour = colourOf(index);
    const own = rows.filter((row) => trials.series[row] === index);
    const front = (fronts[index] ?? []).filter((row) => isDrawn(row, name));
    if (dense[index]) {
      const best = front.at(-1);
      if (best === undefined) return;
      const level = study.marks[name].dense[index]?.level ?? onMean(best)[1];
      shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: level, y1: level, line: { color: colour, width: 1, dash: "dot" }, layer: "below" });
      traces.push({ ...dots([best], onMean), marker: { symbol: series.symbol, size: sized(series, 14), color: colour, line: { width: 1, color: ink("card") } }, cliponaxis: false, name: escapeHtml(series.title), ...selection([best]) });
      return;
    }
    const onFront = new Set(front);
    const cloud = own.filter((row) => !collapsed.has(row) && (!onFront.has(row) || means[row]));
    traces.push({ ...dots(cloud, at), marker: { symbol: series.symbol, size: sized(series, 6), color: colour, opacity: FADED[state.theme] }, ...selection(cloud) });
    const spread = state.spread === "on" && study.spread[name][index];
    if (spread) {
      traces.push({ x: spread.band[0].map(scale.place), y: spread.band[1], mode: "lines", fill: "toself", fillcolor: colour, opacity: 0.16, line: { width: 0 }, hoverinfo: "skip", name: `${escapeHtml(series.title)}: 25 % to 75 % of ${spread.runs} searches` });
      traces.push({ x: spread.median[0].map(scale.place), y: spread.median[1], mode: "lines", line: { color: colour, width: 1.8, dash: series.dash }, hoverinfo: "skip" });
    } else if (front.length) {
      const corners = front.map(onMean);
      const stairs = [[corners[0][0], worst], ...corners, [edge, corners.at(-1)[1]]];
      traces.push({ x: stairs.map(([x]) => x), y: stairs.map(([, y]) => y), mode: "lines", line: { shape: "hv", color: colour, width: series.study ? 1.1 : 1.8, dash: series.dash }, hoverinfo: "skip" });
    }
    traces.push({ ...dots(front, onMean), name: escapeHtml(series.title), marker: { symbol: series.symbol, size: sized(series, 10), color: colour, line: { width: 1, color: ink("card") } }, ...selection(front) });
  });

  const fallen = rows.filter((row) => collapsed.has(row) && !state.hidden.includes(trials.series[row]));
  if (fallen.length) traces.push({ ...dots(fallen, at), name: "short of what is required", marker: { symbol: "x-thin-open", size: 7, color: ink("soft"), opacity: 0.7 }, ...selection(fallen) });

  const marks = study.marks[name];
  marks.selected.filter((one) => !state.hidden.includes(one.series)).forEach((one, place) => traces.push(arrow(one, scale.place(one.x), place)));

  const published = study.studies.flatMap((one) => one.published).filter((mark) => mark.count === name);
  if (published.length) {
    traces.push({
      x: published.map((mark) => scale.place(mark.x)), y: published.map((mark) => mark.y), mode: "markers+text", textposition: "bottom right",
      text: published.map((mark) => escapeHtml(mark.label)), textfont: { size: 11, color: ink("soft") },
      hovertext: published.map((mark) => escapeHtml(`${mark.label}: ${mark.source}`)), hoverinfo: "text", name: "published (test data)",
      marker: { symbol: "diamond-open", size: 11, color: ink("ink"), line: { width: 1.5 } },
    });
  }
  const close = state.view === "close" && view;
  const resolution = scaleBar(marks.error, close ? view.y[0] : worst);
  shapes.push(...resolution.shapes);
  return {
    traces,
    says: saidOfFronts(name),
    places: (row) => (isDrawn(row, name) ? at(row) : null),
    layout: {
      uirevision: `${name} ${state.view}`,
      shapes,
      annotations: resolution.annotations,
      xaxis: {
        title: { text: titled(axisOf(name)) }, type: scale.log ? "log" : "linear", exponentformat: axisOf(name).unit ? "none" : "SI",
        ...(close ? { range: scaled(view.x, scale) } : {}), ...(scale.log ? ticks(scale, Math.max(close ? view.x[0] : 0, scale.least), edge) : {}),
      },
      yaxis: { title: { text: titled(study.score) }, ...(close ? { range: view.y } : {}) },
    },
  };
}

// From what validation data said of the network that they selected to what test data say of it.
function arrow(one, x, place) {
  const unit = study.score.percent ? " %" : "";
  return {
    x: [x, x], y: [one.y, one.test], mode: "lines+markers", ...(place ? { meta: "silent" } : {}), name: "selected, to its test score", cliponaxis: true,
    line: { color: ink("ink"), width: 1.8 }, marker: { symbol: "arrow", angleref: "previous", size: [0, one.test === one.y ? 0 : 12], color: ink("ink") }, hoverinfo: "text",
    hovertext: `${escapeHtml(study.series[one.series].title)}, smallest at 98 % of dense: validation ${one.y.toPrecision(4)}${unit}, test ${one.test.toPrecision(4)}${unit}`,
  };
}

// As long as a standard error to each side: what is less is not resolved.
function scaleBar(error, bottom) {
  if (!error) return { shapes: [], annotations: [] };
  const line = { type: "line", xref: "paper", yref: "y", line: { color: ink("ink"), width: 1.2 } };
  const [low, high] = [bottom + 0.8 * error, bottom + 2.8 * error];
  const cap = (y) => ({ ...line, x0: 0.98, x1: 0.99, y0: y, y1: y });
  const text = `± ${error.toPrecision(2)} points<br>standard error`;
  return {
    shapes: [{ ...line, x0: 0.985, x1: 0.985, y0: low, y1: high }, cap(low), cap(high)],
    annotations: [{ xref: "paper", x: 0.972, xanchor: "right", yref: "y", y: (low + high) / 2, yanchor: "middle", align: "right", text, showarrow: false, font: { size: 11, color: ink("soft") } }],
  };
}

// The fronts in words.
function saidOfFronts(name) {
  const parts = study.series.map((series, index) => {
    const front = (study.fronts[name][index] ?? []).filter((row) => isDrawn(row, name));
    if (!front.length || state.hidden.includes(index)) return "";
    const told = (row) => `${printed(trials.score[row], study.score)} with ${short(trials.counts[name][row])} ${axisOf(name).name}`;
    if (dense[index]) return `The dense network: ${told(front.at(-1))}.`;
    return `${series.title}, ${front.length} networks on the front: from ${told(front[0])} to ${told(front.at(-1))}.`;
  });
  return parts.filter(Boolean).join(" ");
}

// A triangle looks smaller than other symbols of its size.
const sized = (series, size) => (series.symbol.startsWith("triangle") ? 1.3 * size : size);

const dots = (rows, at) => ({
  x: rows.map((row) => at(row)[0]), y: rows.map((row) => at(row)[1]), customdata: rows, mode: "markers", hoverinfo: "none",
});

function outerLimits(points, view) {
  const scores = points.map(([, y]) => y).concat(view ? view.y : []);
  const sizes = points.map(([x]) => x).concat(view ? view.x[1] : []);
  const worst = study.score.maximise ? scores.reduce((one, two) => Math.min(one, two), Infinity) : scores.reduce((one, two) => Math.max(one, two), -Infinity);
  return [worst, sizes.reduce((one, two) => Math.max(one, two), 0) * 1.05];
}

function scaled([low, high], scale) {
  if (!scale.log) return [low, high];
  return [Math.log10(low > 0 && !scale.zero ? low : scale.least / 4.5), Math.log10(high)];
}

// On a log axis: 1, 2 and 5 of every decade where there are few; zero has a place of its own below the least number.
function ticks(scale, low, high) {
  const steps = Math.log10(high / low) < 2.5 ? [1, 2, 5] : [1];
  const values = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) values.push(...steps.map((step) => step * 10 ** power));
  const shown = values.filter((value) => !scale.zero || value >= scale.least);
  const zero = scale.zero ? [[scale.least / 3], ["0"]] : [[], []];
  const words = shown.map((value) => value.toLocaleString("en", { maximumSignificantDigits: 3 }));
  return { tickvals: [...zero[0], ...shown], ticktext: [...zero[1], ...words] };
}

function noteFront() {
  const view = study.windows[state.count];
  const { dominated, dominated_shown: drawn } = study.thinned;
  const parts = [];
  if (drawn < dominated) parts.push(`<strong>Thinned:</strong> ${drawn.toLocaleString("en")} of ${dominated.toLocaleString("en")} dominated trials are drawn, chosen at random; every point of a front is.`);
  if (state.view === "close" && view?.below) parts.push(`${view.below.toLocaleString("en")} trials lie below ${view.y[0].toFixed(1)}${study.score.percent ? " %" : ""}; <button type="button" data-view="all">show all</button>.`);
  const marks = study.marks[state.count];
  const averaged = Object.values(marks?.dense ?? {}).find((one) => one.searches > 1);
  if (averaged) parts.push(`<strong>Dotted:</strong> the dense network's ${study.score.name}, mean over ${averaged.searches} searches of the best in each; its symbol is the best of all.`);
  if (marks?.selected.length) parts.push(`<strong>Arrows:</strong> from each method's smallest network at 98 % of the dense ${study.score.name}, as validation data selected it, to its test score.`);
  if (marks?.error) parts.push("The bar in the corner is one standard error to each side: less is not resolved by so many examples.");
  if (trials.collapsed.length) parts.push(`<strong>Crosses:</strong> ${trials.collapsed.length.toLocaleString("en")} networks short of what is required (${[...new Set(study.studies.map((one) => one.require))].filter(Boolean).join("; ")}), on no front.`);
  const bands = state.spread === "on" ? Object.values(study.spread[state.count] ?? {}) : [];
  if (bands.length) parts.push(`<strong>Band:</strong> what between 25 % and 75 % of the searches attain; the line, what half of them do (${bands[0].runs} searches).`);
  if (study.studies.some((one) => one.published.some((mark) => mark.count === state.count))) parts.push("Open diamonds: published results, measured on test data and counted as their authors do.");
  parts.push(touch ? "Tap a point to see its trial." : "Point at a trial to see it, click to keep it, drag to select several; double-click ends a selection.");
  document.getElementById("note-front").innerHTML = parts.join(" ");
  document.querySelector("#note-front [data-view]")?.addEventListener("click", () => change({ view: "all" }));
}
