// Compression against tolerance: what each method keeps when a little of the dense score may go.
function buildTolerance() {
  const { paths, band, count } = study.tolerance;
  const shown = Object.entries(paths).filter(([index]) => !state.hidden.includes(Number(index)));
  const known = shown.flatMap(([, path]) => path[1]).filter((value) => value > 0);
  const floor = 0.7 * known.reduce((one, two) => Math.min(one, two), 100);
  const traces = [];
  for (const [index, [within, share, low, high]] of shown) {
    const series = study.series[index];
    const places = within.map((_, place) => place).filter((place) => low[place] !== null);
    // Where no network is sure to reach the bound, all of the dense one may be needed.
    const top = stepped(places.map((place) => [within[place], high[place] ?? 100]));
    const bottom = stepped(places.map((place) => [within[place], Math.max(low[place], floor)]));
    const outline = [...top, ...bottom.reverse()];
    if (outline.length) traces.push({ x: outline.map(([x]) => x), y: outline.map(([, y]) => y), mode: "lines", fill: "toself", fillcolor: colourOf(index), opacity: 0.09, line: { width: 0 }, hoverinfo: "skip" });
    traces.push({ x: within, y: share, name: escapeHtml(series.title), mode: "lines", line: { shape: "hv", color: colourOf(index), width: 1.8, dash: series.dash }, hovertemplate: `${escapeHtml(series.title)}: %{y:.3g} %<extra></extra>` });
  }
  const unit = study.score.percent ? "points" : "%";
  const bands = band ? ` ${band[0].toUpperCase()}${band.slice(1)}.` : "";
  document.getElementById("note-tolerance").textContent = `The share of the ${count} that each method's smallest network keeps, by how much of the dense network's validation ${study.score.name} may go.${bands}`;
  const told = shown.map(([index, [within, share]]) => `${study.series[index].title} ${[0, 1, 5].map((at) => `${short(share[within.indexOf(at)] ?? null)} %`).join(", ")}`);
  return {
    traces,
    says: `Kept ${count} for a tolerance of 0, 1 and 5 ${unit}: ${told.join("; ")}.`,
    layout: {
      dragmode: false,
      xaxis: { title: { text: `Tolerated loss of ${study.score.name} / ${unit}` }, range: [0, 5] },
      yaxis: { title: { text: `Kept ${count} / % of dense  (← better)` }, type: "log", range: [Math.log10(floor), Math.log10(108)], ...ticks({ zero: false, least: floor }, floor, 108) },
    },
  };
}

// The corners of a staircase through the points.
const stepped = (points) => points.flatMap(([x, y], place) => (place ? [[x, points[place - 1][1]], [x, y]] : [[x, y]]));
