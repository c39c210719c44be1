// The view as a part of the page's address, by names that mean the same in every later page of the study.
const nameOfSeries = (index) => study.series[index] && (study.studies.length > 1 ? `${study.studies[study.series[index].study].name}/` : "") + study.series[index].method;
const seriesNamed = (name) => study.series.findIndex((_, index) => nameOfSeries(index) === name);
const SERIES_KEYS = ["frontOf", "parametersOf"];

// "#fronts&count=flops&hidden=npn,random": a section, then what was chosen.
function fromAddress() {
  const found = {};
  for (const part of location.hash.slice(1).split("&")) {
    const [key, text] = [part.slice(0, part.indexOf("=")), decodeURIComponent(part.slice(part.indexOf("=") + 1))];
    if (!part.includes("=")) continue;
    if (key === "hidden") found.hidden = text.split(",").map(seriesNamed).filter((index) => index >= 0);
    else if (key === "pinned") found.pinned = trials.name.indexOf(text) >= 0 ? trials.name.indexOf(text) : null;
    else if (SERIES_KEYS.includes(key)) found[key] = seriesNamed(text) >= 0 ? seriesNamed(text) : null;
    else if (["count", "view", "spread", "over", "table", "axes", "filter"].includes(key)) found[key] = text;
  }
  if (found.count && !study.counts.some((axis) => axis.name === found.count)) delete found.count;
  return found;
}

const sectionOf = () => location.hash.slice(1).split("&").find((part) => part && !part.includes("=")) ?? "";

function toAddress() {
  const told = [];
  const tell = (key, text) => text && told.push(`${key}=${encodeURIComponent(text).replaceAll("%2C", ",")}`);
  for (const [key, standard] of Object.entries(DEFAULTS)) if (state[key] !== standard) tell(key, state[key]);
  if (state.hidden.length) tell("hidden", state.hidden.map(nameOfSeries).join(","));
  if (state.pinned !== null) tell("pinned", trials.name[state.pinned]);
  for (const key of SERIES_KEYS) if (state.chosen?.includes(key) && state[key] !== null) tell(key, nameOfSeries(state[key]));
  if (state.chosen?.includes("table")) tell("table", state.table);
  if (state.axes) tell("axes", state.axes);
  const hash = [sectionOf(), ...told].filter(Boolean).join("&");
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

addEventListener("hashchange", () => {
  // A link to a section keeps the view in the address; another view is an address that was typed or pasted.
  if (location.hash.includes("=")) change(fromAddress());
  else toAddress();
});
