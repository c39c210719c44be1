// Pictures of one dot per cell, which plotly's basic bundle has no trace for.
function raster(columns, rows, colourAt) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = canvas.getContext("2d");
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const colour = colourAt(column, row);
      if (!colour) continue;
      pen.fillStyle = colour;
      pen.fillRect(column, rows - 1 - row, 1, 1);
    }
  }
  return canvas.toDataURL();
}

// The picture in a figure's plane, from [left, bottom] to [right, top].
const placed = (source, [left, right], [bottom, top], yref = "y") => ({
  source, xref: "x", yref, x: left, y: top, sizex: right - left, sizey: top - bottom, xanchor: "left", yanchor: "top", sizing: "stretch", layer: "below",
});

// The more, the further from the page's background.
const amount = (share) => shade(state.theme === "dark" ? 0.2 + 0.8 * share : 0.95 * (1 - share));
