// Tables: any can be sorted; that of all trials can be filtered, paged and saved.
const PAGE = 25;

function sortButton(cell, activate) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...cell.childNodes);
  cell.append(button);
  button.addEventListener("click", activate);
}

function compare(one, two, down) {
  const unknown = (value) => value === null || value === "" || value === undefined;
  if (unknown(one) || unknown(two)) return unknown(one) - unknown(two);
  const order = typeof one === "number" && typeof two === "number" ? one - two : String(one).localeCompare(String(two), "en", { numeric: true });
  return down ? -order : order;
}

function markSorted(cells, chosen, down) {
  for (const cell of cells) cell.removeAttribute("aria-sort");
  chosen.setAttribute("aria-sort", down ? "descending" : "ascending");
}

// Numbers first go down, words first go up: what one looks for is on top.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const cells = [...table.tHead.rows[0].cells];
  cells.forEach((cell, column) =>
    sortButton(cell, () => {
      const value = (row) => {
        const text = row.cells[column].dataset.value ?? row.cells[column].textContent;
        return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
      };
      const rows = [...table.tBodies[0].rows];
      const numeric = rows.some((row) => typeof value(row) === "number");
      const down = cell.hasAttribute("aria-sort") ? cell.getAttribute("aria-sort") === "ascending" : numeric;
      table.tBodies[0].append(...rows.sort((one, two) => compare(value(one), value(two), down)));
      markSorted(cells, cell, down);
    }),
  );
}

// Rows of a hidden method are hidden too; a swatch stands before each method's name.
follow(["hidden", "theme"], () => {
  for (const row of document.querySelectorAll("tr[data-method]")) {
    const study_ = Number(row.closest("[data-study]")?.dataset.study ?? 0);
    const index = study.series.findIndex((series) => series.method === row.dataset.method && series.study === study_);
    row.classList.toggle("faded", state.hidden.includes(index));
    if (index < 0) continue;
    row.cells[0].querySelector(".swatch")?.remove();
    row.cells[0].insertAdjacentHTML("afterbegin", swatch(index, 13));
    row.cells[0].querySelector(".swatch").style.marginRight = ".45rem";
  }
});

const trialTable = { sort: null, down: false, page: 0, rows: everyTrial };
const onAnyFront = new Set(Object.values(study.fronts).flatMap((fronts) => Object.values(fronts).flat()));

const columns = study.counts.length && [
  { key: "trial", heading: "trial", value: (row) => trials.name[row], text: true },
  { key: "method", heading: "method", value: (row) => seriesOf(row).title, text: true },
  { key: study.score.name, heading: study.score.percent ? `${study.score.name} / %` : study.score.name, value: printedScore, show: (row) => scoreText(trials.score[row]) },
  { key: "test", heading: study.score.percent ? "test / %" : "test", value: (row) => (trials.test[row] === null ? null : trials.test[row] * study.score.scale), show: (row) => scoreText(trials.test[row]) },
  ...(trials.before ? [{ key: "before", heading: "before polish", value: (row) => (trials.before[row] === null ? null : trials.before[row] * study.score.scale), show: (row) => scoreText(trials.before[row]) }] : []),
  ...study.counts.map(({ name, unit }) => ({ key: name, heading: unit ? `${name} / ${unit}` : name, value: (row) => trials.counts[name][row] })),
  { key: "widths", heading: "layers", value: (row) => trials.widths[row]?.reduce((one, two) => one + two, 0) ?? null, show: (row) => shortList(trials.widths[row]) },
  { key: "seconds", heading: "seconds", value: (row) => trials.seconds[row] },
  { key: "status", heading: "status", value: (row) => trials.statuses[trials.status[row]].toLowerCase().replace("_", " "), text: true },
];

const scoreText = (value) => (study.score.percent && value !== null ? (100 * value).toFixed(2) : short(value));
const shortList = (widths) => (widths ? (widths.length > 6 ? `${widths.slice(0, 5).join(" ")} … ${widths.at(-1)}` : widths.join(" ")) : "–");

const COMPARISONS = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "=": (a, b) => String(a) === String(b) || a === Number(b) };

const everyParameter = [...new Set(study.parameters?.flatMap((one) => Object.keys(one)) ?? [])];

// "npn neurons<50 lambda>=0.1": words that must occur, and comparisons of columns and parameters, and what is wrong with them.
function parsed(text) {
  const wrong = [];
  const tests = text.trim().split(/\s+/).filter(Boolean).map((part) => {
    const found = part.match(/^([\w.]+)(<=|>=|<|>|=)(.*)$/);
    if (!found) {
      const word = part.toLowerCase();
      return (row) => [trials.name[row], seriesOf(row).title, trials.statuses[trials.status[row]], trials.reason[row] ?? ""].some((field) => field.toLowerCase().includes(word));
    }
    const [, key, sign, limit] = found;
    const column = columns.find((one) => one.key === key);
    if (!column && !everyParameter.includes(key)) {
      const near = nearest(key, [...columns.map((one) => one.key), ...everyParameter]);
      wrong.push({ text: `No column or parameter is called “${key}”`, near: near && part.replace(key, near), part });
      return () => true;
    }
    if (limit === "" || (sign !== "=" && !Number.isFinite(Number(limit)))) {
      wrong.push({ text: limit === "" ? `Nothing stands behind ${key}${sign}` : `“${limit}” is no number to compare ${key} with` });
      return () => true;
    }
    const value = column ? column.value : (row) => parameter(row, key);
    return (row) => value(row) !== null && COMPARISONS[sign](value(row), sign === "=" ? limit : Number(limit));
  });
  return { matches: (row) => tests.every((test) => test(row)), wrong };
}

// The name with the fewest letters to change, if these are fewer than half of its own.
function nearest(name, names) {
  const apart = (one, two) => {
    let line = [...Array(two.length + 1).keys()];
    for (let i = 1; i <= one.length; i += 1) {
      const next = [i];
      for (let j = 1; j <= two.length; j += 1) next.push(Math.min(next[j - 1] + 1, line[j] + 1, line[j - 1] + (one[i - 1] !== two[j - 1])));
      line = next;
    }
    return line.at(-1);
  };
  const ranked = names.map((one) => [apart(name.toLowerCase(), one.toLowerCase()), one]).sort(([one], [two]) => one - two);
  return ranked.length && ranked[0][0] <= name.length / 2 ? ranked[0][1] : null;
}

function sayWrong(wrong) {
  const box = document.getElementById("filter-says");
  box.hidden = !wrong.length;
  box.innerHTML = wrong.map(({ text, near }) => `${escapeHtml(text)}${near ? `; did you mean <button type="button" class="link">${escapeHtml(near)}</button>?` : "."}`).join(" ");
  const offers = wrong.filter(({ near }) => near);
  [...box.querySelectorAll("button")].forEach((button, place) => button.addEventListener("click", () => change({ filter: state.filter.replace(offers[place].part, offers[place].near) })));
}

function fillTrials() {
  const { matches, wrong } = parsed(state.filter);
  sayWrong(wrong);
  const fronts = document.getElementById("front-only").checked;
  const chosen = state.selected && new Set(state.selected);
  trialTable.rows = everyTrial.filter((row) => isVisible(row) && (!fronts || onAnyFront.has(row)) && (!chosen || chosen.has(row)) && matches(row));
  const column = columns.find((one) => one.key === trialTable.sort);
  if (column) trialTable.rows.sort((one, two) => compare(column.value(one), column.value(two), trialTable.down));
  const pages = Math.max(Math.ceil(trialTable.rows.length / PAGE), 1);
  trialTable.page = Math.min(trialTable.page, pages - 1);
  const shown = trialTable.rows.slice(trialTable.page * PAGE, (trialTable.page + 1) * PAGE);
  document.querySelector("#trial-table tbody").innerHTML = shown.map((row) =>
    `<tr data-trial="${row}" tabindex="0"${row === state.pinned ? ' class="pinned"' : ""}>${columns.map((one, place) =>
      `<td${one.text ? ' class="text"' : ""}>${place === 1 ? `${swatch(trials.series[row], 12)} ` : ""}${escapeHtml(one.show ? one.show(row) : short(one.value(row)))}</td>`).join("")}</tr>`).join("");
  const first = trialTable.rows.length ? trialTable.page * PAGE + 1 : 0;
  const many = (count) => count.toLocaleString("en");
  document.getElementById("trial-count").textContent = `${many(first)} to ${many(first + shown.length - (first ? 1 : 0))} of ${many(trialTable.rows.length)}${state.selected ? " selected" : ""}`;
  document.getElementById("previous").disabled = trialTable.page === 0;
  document.getElementById("next").disabled = trialTable.page >= pages - 1;
}

function makeTrialTable() {
  const head = document.querySelector("#trial-table thead");
  head.innerHTML = `<tr>${columns.map((one) => `<th scope="col"${one.text ? ' class="text"' : ""}>${escapeHtml(one.heading)}</th>`).join("")}</tr>`;
  const cells = [...head.rows[0].cells];
  cells.forEach((cell, index) =>
    sortButton(cell, () => {
      const column = columns[index];
      const first = !column.text && (column.key === study.score.name ? study.score.maximise : column.key === "test" && study.score.maximise);
      trialTable.down = trialTable.sort === column.key ? !trialTable.down : first;
      trialTable.sort = column.key;
      trialTable.page = 0;
      markSorted(cells, cell, trialTable.down);
      fillTrials();
    }),
  );
  const turn = (step) => () => {
    trialTable.page += step;
    fillTrials();
  };
  document.getElementById("previous").addEventListener("click", turn(-1));
  document.getElementById("next").addEventListener("click", turn(1));
  const box = document.getElementById("filter");
  box.addEventListener("input", () => {
    trialTable.page = 0;
    change({ filter: box.value });
  });
  follow(["filter"], () => {
    if (box.value !== state.filter) box.value = state.filter;
  });
  document.getElementById("front-only").addEventListener("input", () => {
    trialTable.page = 0;
    fillTrials();
  });
  document.querySelector("#trial-table tbody").addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
    if (event.key === "Enter") pin(Number(row.dataset.trial));
    else if (next) next.focus();
    else return;
    event.preventDefault();
  });
  document.getElementById("download").addEventListener("click", saveCsv);
  linkTrials(document.querySelector("#trial-table tbody"));
  const { dominated, dominated_shown: kept, failed, failed_shown: some } = study.thinned;
  const many = (count) => count.toLocaleString("en");
  const notes = [];
  if (kept < dominated) notes.push(`${many(kept)} of ${many(dominated)} dominated trials are on this page`);
  if (some < failed) notes.push(`${many(some)} of ${many(failed)} trials without a result`);
  document.getElementById("note-trials").textContent = notes.length ? `Thinned: ${notes.join(" and ")}; all are in the study's directory.` : "";
  follow(["hidden", "selected", "theme", "filter"], fillTrials);
}

function saveCsv() {
  const names = [...new Set(study.parameters.flatMap((one) => Object.keys(one)))];
  const cell = (value) => (value === null || value === undefined ? "" : /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const lines = [[...columns.map((one) => one.heading), ...names].map(cell).join(",")];
  for (const row of trialTable.rows) lines.push([...columns.map((one) => (one.key === "widths" ? trials.widths[row]?.join(" ") : one.value(row))), ...names.map((name) => parameter(row, name))].map(cell).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  link.download = "trials.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
