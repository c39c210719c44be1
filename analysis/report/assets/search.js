// How the search went: hypervolume over what was spent, and the budget of each method.
const SPENT = { trials: "Trials of the method", train_seconds: "Training time of the method's trials", wall_seconds: "Time since the first trial finished" };

function buildVolume() {
  const found = study.volumes[state.over];
  const traces = [];
  const shown = Object.entries(found.paths).filter(([index]) => !state.hidden.includes(Number(index))).map(([, path]) => path[1]);
  for (const [index, [x, y]] of Object.entries(found.paths)) {
    if (state.hidden.includes(Number(index))) continue;
    const series = study.series[index];
    const colour = colourOf(index);
    const common = { name: escapeHtml(series.title), hovertemplate: `${escapeHtml(series.title)}: %{y:.4f}<extra></extra>` };
    traces.push({ ...common, meta: "silent", x, y, mode: "lines", line: { shape: "hv", color: colour, width: 1.8, dash: series.dash } });
    traces.push({ ...common, x: [x.at(-1)], y: [y.at(-1)], mode: "markers", marker: { symbol: series.symbol, size: sized(series, 9), color: colour }, cliponaxis: false });
  }
  document.getElementById("note-volume").textContent = found.box ? `The share of the box up to ${found.box} that the trials so far dominate.` : "No hypervolume: the objectives give no reference point.";
  const said = Object.entries(found.paths).map(([index, [, y]]) => `${study.series[index].title} ends at ${y.at(-1).toFixed(3)}`);
  return {
    traces,
    says: `${said.join(", ")}.`,
    layout: {
      dragmode: false,
      xaxis: { title: { text: SPENT[state.over] + (found.unit ? ` / ${found.unit}` : "") }, rangemode: "tozero" },
      yaxis: { title: { text: "Hypervolume  (better →)" }, ...closeRange(shown) },
    },
  };
}

function buildBudget() {
  const shown = study.series.map((_, index) => index).filter((index) => !state.hidden.includes(index)).reverse();
  const longest = Math.max(...study.budget.map((one) => one.seconds + one.other_seconds), 0);
  const [unit, size] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, seconds]) => longest >= 2 * seconds) ?? ["s", 1];
  const titles = shown.map((index) => escapeHtml(study.series[index].title));
  const bar = (key, failed, extra) => ({
    type: "bar", orientation: "h", y: titles, x: shown.map((index) => study.budget[index][key] / size),
    marker: { color: shown.map((index) => colourOf(index)), ...extra }, hoverinfo: "text", meta: "silent",
    hovertext: shown.map((index) => `${study.budget[index][failed].toLocaleString("en")} trials, ${duration(study.budget[index][key])}`),
  });
  const counts = shown.map((index) => {
    const { complete, other } = study.budget[index];
    return `${(complete + other).toLocaleString("en")} trials${other ? `, ${other.toLocaleString("en")} failed` : ""}`;
  });
  return {
    says: `${shown.map((index, place) => `${study.series[index].title}: ${duration(study.budget[index].seconds + study.budget[index].other_seconds)}, ${counts[place]}`).join("; ")}.`,
    traces: [
      bar("seconds", "complete", {}),
      { ...bar("other_seconds", "other", { pattern: { shape: "/", fillmode: "overlay", fgcolor: ink("card"), fgopacity: 0.8 } }), text: counts, textposition: "outside", textfont: { color: ink("soft") }, cliponaxis: false },
    ],
    layout: {
      barmode: "stack", dragmode: false, bargap: 0.35,
      xaxis: { title: { text: `Training time / device ${unit}` }, range: [0, (longest / size || 1) * 1.35] },
      yaxis: { showline: false, tickcolor: "rgba(0,0,0,0)" },
    },
  };
}

// The range in which curves differ: from where the lowest stands after a quarter of its way.
function closeRange(curves) {
  const known = curves.map((values) => values.filter((value) => value !== null)).filter((values) => values.length);
  if (!known.length) return {};
  const low = Math.min(...known.map((values) => Math.min(...values.slice(Math.floor(values.length / 4)))));
  const high = Math.max(...known.flat());
  const margin = 0.06 * (high - low) || 0.05 * Math.abs(high) || 0.01;
  return { range: [low - margin, high + margin] };
}

// A line of bars for the packs in training at once, and by the same clock the epochs that have been trained.
function buildTimeline() {
  const { unit, bars, epochs, lines, workers } = study.timeline;
  const traces = [];
  study.series.forEach((series, index) => {
    const own = bars.filter((one) => one.series === index);
    if (!own.length || state.hidden.includes(index)) return;
    traces.push({
      type: "bar", orientation: "h", name: escapeHtml(series.title), base: own.map((one) => one.start), x: own.map((one) => one.length),
      y: own.map((one) => one.line), width: 0.8, marker: { color: colourOf(index), line: { color: ink("card"), width: 1 } }, hoverinfo: "text",
      hovertext: own.map((one) => `${escapeHtml(one.pack)}: ${one.trials} trials${one.failed ? `, ${one.failed} failed` : ""}, ${short(Number(one.length.toPrecision(3)))} ${unit}`),
    });
  });
  traces.push({ x: epochs[0], y: epochs[1], yaxis: "y2", mode: "lines", line: { shape: "hv", color: ink("ink"), width: 1.8 }, hovertemplate: "%{y} epochs<extra></extra>" });
  document.getElementById("note-timeline").textContent = `Above a bar for each pack, one line for ${workers ? "each worker" : "each of those in training at once"}; below the epochs of trials so far, all methods together.`;
  return {
    traces,
    says: `${bars.length} packs, ${workers ? `on ${lines} workers` : `at most ${lines} at once`}; ${(epochs[1].at(-1) ?? 0).toLocaleString("en")} epochs of trials in ${short(Number((epochs[0].at(-1) ?? 0).toPrecision(3)))} ${unit}.`,
    layout: {
      dragmode: false, barmode: "overlay", margin: { l: 64, r: 14, t: 8, b: 46 },
      xaxis: { title: { text: `Time since the first pack began / ${unit}` }, anchor: "y2", rangemode: "tozero" },
      yaxis: { domain: [0.5, 1], title: { text: workers ? "worker" : "packs at once" }, range: [lines - 0.4, -0.6], showgrid: false, tickvals: lines > 8 ? [] : [...Array(lines).keys()], ticktext: [...Array(lines).keys()].map((line) => String(line + 1)) },
      yaxis2: { domain: [0, 0.42], title: { text: "epochs" }, rangemode: "tozero" },
    },
  };
}
