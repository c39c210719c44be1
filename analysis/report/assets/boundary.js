// Where a classifier of points in the plane says what, and the data.
const CLASSES = { light: ["#0072B2", "#D55E00", "#009E73"], dark: ["#56B4E9", "#E69F00", "#00B88A"] };
const CLASS_SYMBOLS = ["circle", "square", "diamond"];

const boundaryRow = () => {
  const { networks } = study.boundaries;
  if (state.pinned !== null && networks[state.pinned]) return state.pinned;
  const front = study.fronts[state.count]?.[state.frontOf] ?? [];
  return front.findLast((row) => networks[row]) ?? Number(Object.keys(networks)[0] ?? NaN);
};

function buildBoundary() {
  const row = boundaryRow();
  const network = study.boundaries.networks[row];
  const { x, y, label } = study.boundaries.points[network.points];
  const { size, classes, across, up } = network;
  const colours = CLASSES[state.theme];
  const at = (column, line) => classes[line * size + column];
  const border = (column, line) => [[1, 0], [0, 1]].some(([right, above]) => column + right < size && line + above < size && at(column, line) !== at(column + right, line + above));
  const picture = raster(size, size, (column, line) => (border(column, line) ? ink("ink") : `${colours[at(column, line)]}3c`));
  document.getElementById("title-boundary").textContent = `Decision boundary of ${trials.name[row]}`;
  const missing = state.pinned !== null && state.pinned !== row ? `The page holds none of ${trials.name[state.pinned]}. ` : "";
  document.getElementById("note-boundary").textContent = `${missing}The class that the compact network says, and test examples; data of more features are seen in the plane they lie in.`;
  const half = [across, up].map(([low, high]) => (high - low) / (size - 1) / 2);
  const [wide, high] = [across, up].map(([low, top], index) => [low - half[index], top + half[index]]);
  const traces = [...new Set(label)].sort().map((one) => {
    const own = label.flatMap((value, index) => (value === one ? [index] : []));
    return {
      name: `class ${one}`, x: own.map((index) => x[index]), y: own.map((index) => y[index]), mode: "markers", hoverinfo: "skip",
      marker: { symbol: CLASS_SYMBOLS[one], size: 5, color: colours[one], line: { width: 0.5, color: ink("card") } },
    };
  });
  return {
    traces,
    says: `Which of ${new Set(classes).size} classes ${trials.name[row]} says where in the plane, and ${x.length} test examples.`,
    layout: {
      dragmode: false, images: [placed(picture, wide, high)],
      xaxis: { title: { text: "x₁" }, range: wide, showgrid: false, constrain: "domain" },
      yaxis: { title: { text: "x₂" }, range: high, showgrid: false, scaleanchor: "x", constrain: "domain", constraintoward: "top" },
    },
  };
}
