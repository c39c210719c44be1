// The study: what Python measured, and how to read and print it.
const study = JSON.parse(document.getElementById("data").textContent);
const trials = study.trials;
const everyTrial = trials.name.map((_, row) => row);
const firstOf = study.series.map((_, index) => trials.series.indexOf(index));
const dense = study.series.map((series) => series.method === "dense");

const seriesOf = (row) => study.series[trials.series[row]];
const isComplete = (row) => trials.statuses[trials.status[row]] === "COMPLETE";
const collapsed = new Set(trials.collapsed);
const isDrawn = (row, count) => isComplete(row) && trials.score[row] !== null && trials.counts[count][row] !== null;
const axisOf = (name) => (name === study.score.name ? study.score : study.counts.find((axis) => axis.name === name));
const valueOf = (row, name) => (name === study.score.name ? trials.score[row] : trials.counts[name][row]);
const printedScore = (row) => (trials.score[row] === null ? null : trials.score[row] * study.score.scale);

function parameter(row, name) {
  const entry = study.parameters[trials.series[row]][name];
  if (!entry) return null;
  return "pinned" in entry ? entry.pinned : entry.values[row - firstOf[trials.series[row]]];
}

const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (symbol) => `&#${symbol.charCodeAt(0)};`);

function short(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function printed(value, axis) {
  if (value === null || value === undefined) return "–";
  return axis.percent ? `${(100 * value).toFixed(2)} %` : short(value);
}

const percent = (share) => (share >= 0.0995 || share === 0 ? `${(100 * share).toFixed(0)} %` : `${(100 * share).toPrecision(2)} %`);

function titled(axis) {
  const better = axis.maximise ? "better →" : "← better";
  return `${axis.title}${axis.percent ? " / %" : ""}  (${better})`;
}

function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 120) return `${seconds.toPrecision(3)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// Matplotlib's cividis in eleven steps: even to the eye, in grey, and for the colour-blind.
const CIVIDIS = ["#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78", "#948e77", "#aea371", "#c8b866", "#e5cf52", "#fee838"];

function shade(share) {
  const place = Math.min(Math.max(share, 0), 1) * (CIVIDIS.length - 1);
  const below = Math.min(Math.floor(place), CIVIDIS.length - 2);
  const mix = (index) => {
    const [one, two] = [CIVIDIS[below], CIVIDIS[below + 1]].map((colour) => parseInt(colour.slice(1 + 2 * index, 3 + 2 * index), 16));
    return Math.round(one + (place - below) * (two - one));
  };
  return `rgb(${mix(0)},${mix(1)},${mix(2)})`;
}
