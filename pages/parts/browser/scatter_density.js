// Where points lie densely: contours of a smoothed histogram, worked out once for a map.

const CELLS = 144; // of the grid, along the longer side
const LEVELS = [0.06, 0.14, 0.27, 0.45, 0.7]; // of the highest density

function drawContours(view, pen) {
  const { set, matrix, width, height } = view;
  set.contours ??= contoursOf(set);
  pen.strokeStyle = view.ink;
  pen.lineWidth = 1.2;
  set.contours.forEach((lines, level) => {
    pen.globalAlpha = 0.22 + 0.11 * level;
    pen.beginPath();
    for (let k = 0; k < lines.length; k += 4) {
      const a = place(matrix, lines[k], lines[k + 1], 0, width, height);
      const b = place(matrix, lines[k + 2], lines[k + 3], 0, width, height);
      pen.moveTo(a[0], a[1]);
      pen.lineTo(b[0], b[1]);
    }
    pen.stroke();
  });
  pen.globalAlpha = 1;
}

// Lines of equal density: points counted on a grid, smoothed, and followed cell by cell (marching squares).
function contoursOf({ arrays: { x, y }, count }) {
  const ends = (values) => values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const [[left, right], [low, high]] = [ends(x), ends(y)];
  const step = Math.max(right - left, high - low, 1e-9) / (CELLS - 24);
  const [ox, oy] = [left - 12 * step, low - 12 * step];
  const [columns, rows] = [Math.ceil((right - ox) / step) + 13, Math.ceil((high - oy) / step) + 13];
  let grid = new Float32Array(columns * rows);
  for (let i = 0; i < count; i++) {
    grid[Math.floor((y[i] - oy) / step) * columns + Math.floor((x[i] - ox) / step)] += 1;
  }
  const passes = Math.min(9, Math.max(2, Math.round(3 * (5000 / count) ** (1 / 3)))); // few points say less of where
  for (let pass = 0; pass < passes; pass++) grid = smoothed(smoothed(grid, columns, rows, 1), columns, rows, columns);
  const most = grid.reduce((a, b) => Math.max(a, b), 0);
  return LEVELS.map((level) => {
    const lines = [];
    for (let r = 0; r + 1 < rows; r++) {
      for (let c = 0; c + 1 < columns; c++) crossed(grid, r * columns + c, columns, level * most, lines, c, r);
    }
    return Float32Array.from(lines, (v, k) => (k % 2 ? oy : ox) + (v + 0.5) * step);
  });
}

// The mean over five cells in one direction.
function smoothed(grid, columns, rows, along) {
  const [length, lanes] = along === 1 ? [columns, rows] : [rows, columns];
  const across = along === 1 ? columns : 1;
  const out = new Float32Array(grid.length);
  for (let lane = 0; lane < lanes; lane++) {
    for (let k = 2; k < length - 2; k++) {
      const at = lane * across + k * along;
      out[at] = (grid[at - 2 * along] + grid[at - along] + grid[at] + grid[at + along] + grid[at + 2 * along]) / 5;
    }
  }
  return out;
}

// Where a line of this height passes through one cell, as pairs of ends.
function crossed(grid, at, columns, height, lines, c, r) {
  const [a, b, d, e] = [grid[at], grid[at + 1], grid[at + columns + 1], grid[at + columns]];
  const corners = (a > height) + (b > height) + (d > height) + (e > height);
  if (corners === 0 || corners === 4) return;
  const part = (p, q) => (height - p) / (q - p);
  const ends = [];
  if (a > height !== b > height) ends.push([c + part(a, b), r]);
  if (b > height !== d > height) ends.push([c + 1, r + part(b, d)]);
  if (e > height !== d > height) ends.push([c + part(e, d), r + 1]);
  if (a > height !== e > height) ends.push([c, r + part(a, e)]);
  for (let k = 0; k + 1 < ends.length; k += 2) lines.push(...ends[k], ...ends[k + 1]);
}
