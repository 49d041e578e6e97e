// What lies over the points, on a canvas of its own: contours (scatter_density.js), pictures in place of points, lines to
// neighbours, new items, names, and the line of a lasso. `view` is what scatter.js makes.

const FEW = 150; // points in view, up to which they are shown as pictures
const [PLACED, STEM] = [44, 14]; // pixels of a new item's picture, and below it
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
  drawPlaced(view, pen);
  if (view.path.length) drawPath(view, pen);
  if (view.keyed) drawCross(view, pen);
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

// ---- new items, placed into the map ----

// A picture (or a dot) on a stem, so that the place itself can be seen.
function drawPlaced(view, pen) {
  for (const { name, x, y, z, tile } of view.set.placed) {
    const [px, py, w] = place(view.matrix, x, y, z, view.width, view.height);
    if (w <= 0) continue;
    const top = py - STEM - PLACED;
    pen.lineWidth = 3;
    pen.strokeStyle = pen.fillStyle = view.ink;
    pen.beginPath();
    pen.moveTo(px, py);
    pen.lineTo(px, py - STEM);
    pen.stroke();
    pen.beginPath();
    pen.arc(px, py, 4.5, 0, 2 * Math.PI);
    pen.fill();
    if (tile) {
      pen.fillStyle = "#fff";
      pen.fillRect(px - PLACED / 2, top, PLACED, PLACED);
      drawTile(pen, tile, px - PLACED / 2, top, PLACED);
      pen.strokeRect(px - PLACED / 2, top, PLACED, PLACED);
    }
    drawWord(view, pen, name, px, (tile ? top : py - STEM) - 12);
  }
}

// A word with an edge of the page's colour, so that it can be read over points.
function drawWord(view, pen, word, x, y) {
  pen.font = `600 13px ${view.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.strokeStyle = view.paper;
  pen.lineWidth = 4;
  pen.strokeText(word, x, y);
  pen.fillStyle = view.ink;
  pen.fillText(word, x, y);
}

// ---- names ----

function drawNames(view, pen) {
  const { column, set } = view;
  const spots = middles(set, column);
  const short = shortNames(column);
  const places = placesOf(column, view.only, view.data.look.most);
  const taken = [];
  pen.font = `600 13px ${view.font}`; // to be measured
  for (const code of column.order) {
    if (!places.has(code) || spots.get(code).scattered) continue;
    const [x, y, w] = place(view.matrix, ...spots.get(code).middle, view.width, view.height);
    const half = pen.measureText(short[code]).width / 2 + 4;
    if (w <= 0 || x < half || y < 10 || x > view.width - half || y > view.height - 10) continue;
    const box = [x - half, y - 10, x + half, y + 10];
    if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
    taken.push(box);
    drawWord(view, pen, short[code], x, y);
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
