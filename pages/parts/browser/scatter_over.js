// What lies over the points, on a canvas of its own: contours, pictures in place of points, lines to neighbours, names,
// and the line of a lasso. `view` is what scatter.js makes.

const FEW = 150; // points in view, up to which they are shown as pictures
const CELLS = 144; // of the density's grid, along the longer side
const LEVELS = [0.06, 0.14, 0.27, 0.45, 0.7];
const SCATTERED = 0.6; // of the reach of all points

function drawOver(view, pen) {
  const { width, height, ratio, set } = view;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!set.count) return;
  if (view.ways.density && !view.camera.turn) drawContours(view, pen);
  const tiles = thumbnails(view);
  drawLinks(view, pen);
  drawThumbnails(view, pen, tiles);
  drawRings(view, pen, tiles);
  if (view.ways.names && view.column.named && !tiles.length) drawNames(view, pen);
  if (view.path.length) drawPath(view, pen);
  if (view.keyed) drawCross(view, pen);
}

// ---- density ----

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
  for (let pass = 0; pass < 3; pass++) grid = smoothed(smoothed(grid, columns, rows, 1, columns), columns, rows, columns, 1);
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

// ---- pictures in place of points ----

// The points in view, where they are few enough to be shown as pictures.
function thumbnails(view) {
  if (!view.set.pictured) return [];
  const seen = inView(view.matrix, view.set.arrays, view.look.order, FEW);
  view.want(seen.filter((i) => !view.set.tiles.has(i)));
  return seen;
}

function drawThumbnails(view, pen, tiles) {
  const side = view.tileSide(tiles.length);
  for (const i of tiles) {
    const [x, y] = view.at(i);
    const [r, g, b, a] = view.look.tints.subarray(4 * i, 4 * i + 4);
    const tile = view.set.tiles.get(i);
    pen.globalAlpha = a > 255 * DIM ? 1 : 0.2;
    if (tile) {
      pen.fillStyle = "#fff";
      pen.fillRect(x - side / 2, y - side / 2, side, side);
      drawTile(pen, tile, x - side / 2, y - side / 2, side);
    }
    pen.lineWidth = 2.5;
    pen.strokeStyle = `rgb(${r}, ${g}, ${b})`;
    if (tile) pen.strokeRect(x - side / 2, y - side / 2, side, side);
    if (!tile || !view.look.kinds[4 * i + 1]) continue;
    pen.lineWidth = 1;
    pen.strokeStyle = view.ink; // of a class that the network has not learnt from
    pen.strokeRect(x - side / 2 - 1.75, y - side / 2 - 1.75, side + 3.5, side + 3.5);
  }
  pen.globalAlpha = 1;
}

// ---- the chosen point and its neighbours ----

function drawLinks(view, pen) {
  const { near, chosen } = view;
  if (chosen < 0) return;
  const [x, y] = view.at(chosen);
  pen.strokeStyle = view.ink;
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (const i of near) {
    pen.moveTo(x, y);
    const [a, b] = view.at(i);
    pen.lineTo(a, b);
  }
  pen.stroke();
}

function drawRings(view, pen, tiles) {
  const base = tiles.length ? view.tileSide(tiles.length) * 0.72 : view.size / 2 + 3;
  const ring = (i, more, width) => {
    const [x, y] = view.at(i);
    for (const [colour, wide] of [[view.paper, width + 2], [view.ink, width]]) {
      pen.beginPath();
      pen.arc(x, y, base + more, 0, 2 * Math.PI);
      pen.strokeStyle = colour;
      pen.lineWidth = wide;
      pen.stroke();
    }
  };
  for (const i of view.near) ring(i, 0, 1.5);
  if (view.chosen >= 0) ring(view.chosen, 2, 3);
  if (view.hover >= 0) ring(view.hover, 0, 2);
}

// ---- names ----

function drawNames(view, pen) {
  const { column, set } = view;
  const spots = middles(set, column);
  const short = shortNames(column);
  const places = placesOf(column, view.only, view.data.look.most);
  const taken = [];
  pen.font = `600 13px ${view.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  for (const code of column.order) {
    if (!places.has(code) || spots.get(code).scattered) continue;
    const [x, y, w] = place(view.matrix, ...spots.get(code).middle, view.width, view.height);
    const half = pen.measureText(short[code]).width / 2 + 4;
    if (w <= 0 || x < half || y < 10 || x > view.width - half || y > view.height - 10) continue;
    const box = [x - half, y - 10, x + half, y + 10];
    if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
    taken.push(box);
    pen.strokeStyle = view.paper;
    pen.lineWidth = 4;
    pen.strokeText(short[code], x, y);
    pen.fillStyle = view.ink;
    pen.fillText(short[code], x, y);
  }
}

// The median place of every class, and whether it lies all over the map, where a name would say nothing.
function middles(set, column) {
  if (column.middles) return column.middles;
  const codes = set.arrays[column.key];
  const starts = new Uint32Array(column.names.length + 1);
  for (const code of codes) starts[code + 1]++;
  for (let k = 1; k < starts.length; k++) starts[k] += starts[k - 1];
  const [members, at] = [new Uint32Array(set.count), starts.slice()];
  codes.forEach((code, i) => (members[at[code]++] = i));
  const whole = reachOf(set, shuffle(set).subarray(0, 5000)).reach;
  column.middles = new Map();
  for (const code of tally(set, column).order) {
    const { middle, reach } = reachOf(set, members.subarray(starts[code], starts[code + 1]));
    column.middles.set(code, { middle, scattered: reach > SCATTERED * whole });
  }
  return column.middles;
}

// The middle of some points, and how far from it half of them lie.
function reachOf({ arrays: { x, y, z } }, points) {
  const median = (values) => values.sort()[values.length >> 1] ?? 0;
  const axes = [x, y, z].filter(Boolean);
  const middle = axes.map((values) => median(Float32Array.from(points, (i) => values[i])));
  const far = Float32Array.from(points, (i) => Math.hypot(...axes.map((values, a) => values[i] - middle[a])));
  return { middle: [...middle, 0].slice(0, 3), reach: median(far) };
}

// Names without their group's, where they are then still different.
function shortNames(column) {
  if (column.short) return column.short;
  const last = column.names.map((name) => name.slice(name.lastIndexOf("/") + 1));
  return (column.short = new Set(last).size === last.length ? last : column.names);
}

// ---- the hand ----

function drawPath(view, pen) {
  pen.beginPath();
  view.path.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  pen.globalAlpha = 0.12;
  pen.fillStyle = view.ink;
  pen.fill();
  pen.globalAlpha = 1;
  pen.setLineDash([5, 4]);
  pen.lineWidth = 1.5;
  pen.strokeStyle = view.ink;
  pen.stroke();
  pen.setLineDash([]);
}

function drawCross(view, pen) {
  const [x, y] = [view.width / 2, view.height / 2];
  pen.strokeStyle = view.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [a, b] of [[-10, 0], [4, 0], [0, -10], [0, 4]]) {
    pen.moveTo(x + a, y + b);
    pen.lineTo(x + a + (a && 6), y + b + (b && 6));
  }
  pen.stroke();
}
