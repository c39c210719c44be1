// What the reader has chosen. Every view listens to the keys it shows; `change` is the only way to change any.
const fromStorage = (() => {
  try {
    return JSON.parse(sessionStorage.getItem(`study-report ${location.pathname}`) || "{}");
  } catch {
    return {};
  }
})();

const state = {
  theme: null,
  count: study.counts[0]?.name,
  view: "close",
  spread: "off",
  over: "trials",
  table: null,
  hidden: [],
  frontOf: null,
  parametersOf: null,
  axes: null,
  filter: "",
  pinned: null,
  ...fromStorage,
  ...fromAddress(),
  hovered: null,
  selected: null,
};
const DEFAULTS = { count: study.counts[0]?.name, view: "close", spread: "off", over: "trials", filter: "" };

const listeners = [];

// Calls `listener` now and whenever one of the keys has changed.
function follow(keys, listener) {
  listeners.push({ keys, listener });
  listener();
}

function change(values) {
  const changed = Object.keys(values).filter((key) => state[key] !== values[key]);
  if (!changed.length) return;
  Object.assign(state, values);
  for (const { keys, listener } of listeners) if (keys.some((key) => changed.includes(key))) listener();
  if (changed.some((key) => key !== "hovered")) {
    const { hovered, selected, theme, ...lasting } = state;
    try {
      sessionStorage.setItem(`study-report ${location.pathname}`, JSON.stringify(lasting));
    } catch {
      // A browser that keeps nothing for local files: a reload starts afresh.
    }
    if (changed.some((key) => !["hovered", "theme", "themeChoice"].includes(key))) toAddress();
  }
}

const isVisible = (row) => !state.hidden.includes(trials.series[row]);
