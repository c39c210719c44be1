// How the search went: hypervolume over what was spent, and the budget of each method.
const SPENT = { trials: "Trials of the method", train_seconds: "Training time of the method's trials", wall_seconds: "Time since the first trial finished" };

function buildVolume() {
  const found = study.volumes[state.over];
  const traces = [];
  for (const [index, [x, y]] of Object.entries(found.paths)) {
    if (state.hidden.includes(Number(index))) continue;
    const series = study.series[index];
    const colour = colourOf(index);
    const common = { name: escapeHtml(series.title), hovertemplate: `${escapeHtml(series.title)}: %{y:.4f}<extra></extra>` };
    traces.push({ ...common, x, y, mode: "lines", line: { shape: "hv", color: colour, width: 1.8, dash: series.dash } });
    traces.push({ ...common, x: [x.at(-1)], y: [y.at(-1)], mode: "markers", marker: { symbol: series.symbol, size: sized(series, 9), color: colour }, cliponaxis: false });
  }
  document.getElementById("note-volume").textContent = found.box ? `The share of the box up to ${found.box} that the trials so far dominate.` : "No hypervolume: the objectives give no reference point.";
  return {
    traces,
    layout: {
      dragmode: false,
      xaxis: { title: { text: SPENT[state.over] + (found.unit ? ` / ${found.unit}` : "") }, rangemode: "tozero" },
      yaxis: { title: { text: "Hypervolume  (better →)" }, rangemode: "tozero" },
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
    marker: { color: shown.map((index) => colourOf(index)), ...extra }, hoverinfo: "text",
    hovertext: shown.map((index) => `${study.budget[index][failed].toLocaleString("en")} trials, ${duration(study.budget[index][key])}`),
  });
  const counts = shown.map((index) => {
    const { complete, other } = study.budget[index];
    return `${(complete + other).toLocaleString("en")} trials${other ? `, ${other.toLocaleString("en")} failed` : ""}`;
  });
  return {
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
