// A plotly chart whose points are trials: hovering, clicking and selecting in one is seen in all.
const touch = matchMedia("(pointer: coarse)").matches;
const tip = document.getElementById("tip");

function showTip(row, event) {
  const size = axisOf(state.count);
  tip.innerHTML =
    `<b>${escapeHtml(seriesOf(row).title)}</b>${escapeHtml(trials.name[row])}<br>` +
    `${printed(trials.score[row], study.score)} · ${short(trials.counts[state.count][row])} ${escapeHtml(size.unit ? `${size.unit} ${size.name}` : size.name)}`;
  tip.hidden = false;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 16 + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${below ? event.clientY + 16 : event.clientY - tip.offsetHeight - 12}px`;
}

function enter(row, event) {
  if (event) showTip(row, event);
  change({ hovered: row });
}

function leave() {
  tip.hidden = true;
  change({ hovered: null });
}

const pin = (row) => change({ pinned: state.pinned === row ? null : row });

// For those who hear the page.
function announce(row) {
  const said = [seriesOf(row).title, trials.name[row], printed(trials.score[row], study.score), `${short(trials.counts[state.count][row])} ${axisOf(state.count).name}`];
  document.getElementById("said").textContent = said.join(", ");
}

// A picture that stands alone: on the page's ground, with a legend and with what is said below the figure.
const camera = {
  name: "picture",
  title: "Save as a picture, with a legend",
  icon: Plotly.Icons.camera,
  click: async (element) => {
    const { data, layout } = pictureOf(element);
    const link = document.createElement("a");
    link.href = await Plotly.toImage({ data, layout }, { format: "png", width: 1100, height: 720, scale: 2 });
    link.download = `${element.id.replace("figure-", "")}.png`;
    link.click();
  },
};

function pictureOf(element) {
  const note = element.closest("figure").querySelector("figcaption").innerText.split("\n")[0].replace(/(Point at|Tap) a .*$/, "").trim();
  const data = element.data.map((trace) => ({ ...trace, showlegend: Boolean(trace.name) && trace.meta !== "silent" }));
  const annotations = [...(element.layout.annotations ?? [])];
  const lines = note.match(/.{1,150}(?:\s|$)/g) ?? [];
  if (note) annotations.push({ text: lines.map(escapeHtml).join("<br>"), align: "left", showarrow: false, xref: "paper", yref: "paper", x: 0, xanchor: "left", y: 0, yanchor: "top", yshift: -58, font: { size: 12 } });
  const layout = {
    ...element.layout, annotations, showlegend: true, paper_bgcolor: ink("card"), plot_bgcolor: ink("card"),
    legend: { orientation: "h", x: 0, y: 1.03, yanchor: "bottom", traceorder: "normal" }, margin: { l: 70, r: 24, t: 90, b: 85 + 16 * lines.length },
  };
  return { data, layout };
}

class Chart {
  // `build()` gives { traces, layout, places }: `places(row)` is where a trial lies, [x, y], or null.
  constructor(id, keys, build) {
    this.element = document.getElementById(id);
    this.build = build;
    this.rings = ["pinned", "hovered"].map((name) => {
      const ring = document.createElement("div");
      ring.className = `ring ${name}`;
      ring.hidden = true;
      return { name, ring };
    });
    this.alternative = document.createElement("p");
    Object.assign(this.alternative, { id: `${id}-says`, className: "hidden" });
    this.element.after(this.alternative);
    this.element.setAttribute("aria-label", this.title());
    this.element.setAttribute("aria-describedby", this.alternative.id);
    follow(["theme", "hidden", "selected", ...keys], () => this.draw());
    follow(["hovered", "pinned"], () => this.mark());
    new ResizeObserver(() => Plotly.Plots.resize(this.element)).observe(this.element);
  }

  draw() {
    const { traces, layout = {}, places = () => null, says = "" } = this.build();
    this.places = places;
    this.alternative.textContent = says;
    this.element.setAttribute("aria-label", this.title());
    this.reach(traces);
    Plotly.react(this.element, traces, this.layout(layout), {
      displaylogo: false,
      displayModeBar: "hover",
      modeBarButtons: layout.dragmode === false ? [[camera]] : [[camera], ["zoom2d", "pan2d", "select2d", "lasso2d"], ["resetScale2d"]],
      doubleClick: "reset+autosize",
    });
    if (!this.wired) this.wire();
    this.mark();
  }

  title() {
    return this.element.closest("figure")?.querySelector("h3")?.textContent ?? this.element.closest("section")?.querySelector("h2")?.textContent ?? "";
  }

  // Points that are trials are reached by keys: left and right along a trace, up and down to the next one, Enter keeps.
  reach(traces) {
    this.reachable = traces.map((trace) => (trace.customdata ?? []).filter(Number.isInteger)).filter((rows) => rows.length);
    const some = this.reachable.length > 0;
    this.element.setAttribute("role", some ? "application" : "img");
    this.element.tabIndex = 0;
    if (some) this.element.setAttribute("aria-roledescription", "chart; arrow keys go from trial to trial, Enter keeps one");
  }

  step(key) {
    const found = this.reachable.findIndex((rows) => rows.includes(state.hovered));
    if (found < 0) return this.reachable.at(-1)[0];
    const rows = this.reachable[found];
    const place = rows.indexOf(state.hovered);
    const ends = { ArrowLeft: Math.max(place - 1, 0), ArrowRight: Math.min(place + 1, rows.length - 1), Home: 0, End: rows.length - 1 };
    if (key in ends) return rows[ends[key]];
    const next = this.reachable[(found + (key === "ArrowUp" ? 1 : this.reachable.length - 1)) % this.reachable.length];
    return next[Math.min(place, next.length - 1)];
  }

  wire() {
    this.wired = true;
    this.element.addEventListener("keydown", (event) => {
      if (!this.reachable.length) return;
      if (event.key === "Enter" && state.hovered !== null) pin(state.hovered);
      else if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
        event.preventDefault();
        const row = this.step(event.key);
        change({ hovered: row });
        announce(row);
      }
    });
    this.element.addEventListener("blur", () => change({ hovered: null }));
    for (const { ring } of this.rings) this.element.append(ring);
    const rowOf = (event) => event.points?.find((point) => Number.isInteger(point.customdata))?.customdata;
    let under = null;
    this.element.on("plotly_hover", (event) => {
      under = rowOf(event) ?? null;
      if (under !== null) enter(under, event.event);
    });
    this.element.on("plotly_unhover", () => {
      under = null;
      leave();
    });
    // Plotly misses the quick clicks of a touchpad, so those of a mouse are taken from the pointer itself.
    let clicked = -Infinity;
    this.element.addEventListener("pointerdown", (down) => {
      const row = under;
      if (row === null || down.button !== 0) return;
      addEventListener("pointerup", (up) => {
        if (Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY) > 4) return;
        clicked = up.timeStamp;
        pin(row);
      }, { once: true });
    });
    this.element.on("plotly_click", (event) => {
      const row = rowOf(event);
      if (row !== undefined && Math.abs((event.event?.timeStamp ?? Infinity) - clicked) > 500) pin(row);
    });
    // Drawing anew says "selected" as well: only what the reader does counts.
    let selecting = false;
    this.element.on("plotly_selecting", () => (selecting = true));
    this.element.on("plotly_selected", (event) => {
      if (!selecting) return;
      selecting = false;
      const rows = event?.points.map((point) => point.customdata).filter(Number.isInteger) ?? [];
      if (event) setTimeout(() => change({ selected: rows.length ? [...new Set(rows)] : null }));
    });
    this.element.on("plotly_deselect", () => setTimeout(() => change({ selected: null })));
    this.element.on("plotly_afterplot", () => this.mark());
  }

  mark() {
    const full = this.element._fullLayout;
    if (!full?.xaxis) return;
    for (const { name, ring } of this.rings) {
      const row = state[name];
      const place = row === null || row >= trials.name.length || !isVisible(row) ? null : this.places(row);
      const [x, y] = place ? [full.xaxis.d2p(place[0]), full.yaxis.d2p(place[1])] : [NaN, NaN];
      ring.hidden = !(x >= 0 && y >= 0 && x <= full.xaxis._length && y <= full.yaxis._length);
      if (ring.hidden) continue;
      ring.style.left = `${x + full.xaxis._offset}px`;
      ring.style.top = `${y + full.yaxis._offset}px`;
    }
  }

  layout(own) {
    const axis = {
      gridcolor: ink("grid"), linecolor: ink("soft"), tickcolor: ink("soft"), zeroline: false, automargin: true,
      ticks: "outside", ticklen: 4, showline: true, title: { standoff: 8 },
    };
    const merged = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: ink("font"), size: 12, color: ink("ink") },
      margin: { l: 56, r: 14, t: 12, b: 46 },
      hovermode: "closest", hoverdistance: 24, showlegend: false,
      dragmode: touch ? false : "select",
      selections: state.selected ? undefined : [],
      newselection: { line: { color: ink("accent"), width: 1 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: ink("soft"), activecolor: ink("accent") },
      ...own,
    };
    for (const key of Object.keys(merged)) if (/^[xy]axis/.test(key)) merged[key] = { ...axis, ...merged[key] };
    return merged;
  }
}

// Which points of a trace stay strong: all, or those of the reader's selection.
function selection(rows) {
  if (!state.selected) return { selectedpoints: null };
  const chosen = new Set(state.selected);
  return {
    selectedpoints: rows.flatMap((row, index) => (chosen.has(row) ? [index] : [])),
    unselected: { marker: { opacity: 0.12 } },
  };
}
