// Where the map is looked at from. `scale` is pixels a unit at the middle; `turn` is a rotation (rows of a 3 x 3
// matrix), null for a flat map. Everything on screen, by the GPU or not, is placed by the same matrix.

const EDGE = 34; // pixels left free around what is fitted
const FAR = 2.4; // the eye's distance, of the smaller side of the canvas
const START = [0.86, 0, -0.5, -0.22, 0.9, -0.38, 0.45, 0.44, 0.78]; // how a map in 3-D is first seen

function newCamera(deep) {
  return { x: 0, y: 0, z: 0, scale: 1, turn: deep ? orthonormal(START) : null };
}

// Look at these points (all of them without `which`), as large as they fit.
function fitted(camera, { x, y, z }, which, width, height) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const axes = camera.turn && z ? [x, y, z] : [x, y];
  const count = which ? which.length : x.length;
  axes.forEach((values, a) => {
    for (let k = 0; k < count; k++) {
      const value = values[which ? which[k] : k];
      if (value < low[a]) low[a] = value;
      if (value > high[a]) high[a] = value;
    }
  });
  const middle = axes.map((_, a) => (low[a] + high[a]) / 2);
  const reach = axes.map((_, a) => Math.max(high[a] - low[a], 1e-9));
  const [w, h] = [Math.max(40, width - 2 * EDGE), Math.max(40, height - 2 * EDGE)];
  const flat = Math.min(w / reach[0], h / reach[1]);
  const scale = axes.length === 3 ? (1.45 * Math.min(w, h)) / Math.hypot(...reach) : flat;
  return { ...camera, x: middle[0], y: middle[1], z: middle[2] ?? 0, scale };
}

// The matrix (columns one after the other) that takes a point to the screen's corners -1..1.
function matrixOf(camera, width, height) {
  const { x, y, z, scale, turn } = camera;
  const [r0, r1, r2] = turn ? [turn.slice(0, 3), turn.slice(3, 6), turn.slice(6)] : [[1, 0, 0], [0, 1, 0], [0, 0, 0]];
  const eye = FAR * Math.min(width, height);
  const rows = [
    r0.map((v) => (v * scale * 2) / width),
    r1.map((v) => (v * scale * 2) / height),
    [0, 0, 0],
    r2.map((v) => (-v * scale) / eye),
  ];
  const shift = rows.map(([a, b, c]) => -(a * x + b * y + c * z));
  shift[3] += 1;
  return new Float32Array([0, 1, 2].flatMap((c) => rows.map((row) => row[c])).concat(shift));
}

// Every point's place on screen: (x, y) in pixels, and w, how far away it is (1 at the middle, below 0 behind the eye).
function projected(m, { x, y, z }, width, height, into) {
  for (let i = 0, k = 0; i < x.length; i++, k += 3) {
    const [a, b, c] = [x[i], y[i], z ? z[i] : 0];
    const w = m[3] * a + m[7] * b + m[11] * c + m[15];
    into[k] = ((m[0] * a + m[4] * b + m[8] * c + m[12]) / w / 2 + 0.5) * width;
    into[k + 1] = (0.5 - (m[1] * a + m[5] * b + m[9] * c + m[13]) / w / 2) * height;
    into[k + 2] = w;
  }
  return into;
}

function place(m, x, y, z, width, height) {
  return projected(m, { x: [x], y: [y], z: [z ?? 0] }, width, height, [0, 0, 0]);
}

// The points that are on screen, in this order, or none when they are more than `most`.
function inView(m, { x, y, z }, order, most) {
  const found = [];
  for (const i of order) {
    const [a, b, c] = [x[i], y[i], z ? z[i] : 0];
    const w = m[3] * a + m[7] * b + m[11] * c + m[15];
    if (w <= 0 || Math.abs(m[0] * a + m[4] * b + m[8] * c + m[12]) > w) continue;
    if (Math.abs(m[1] * a + m[5] * b + m[9] * c + m[13]) > w) continue;
    if (found.push(i) > most) return [];
  }
  return found;
}

function moved(camera, right, down) {
  const { scale, turn } = camera;
  if (!turn) return { ...camera, x: camera.x - right / scale, y: camera.y + down / scale };
  const shift = [0, 1, 2].map((a) => (-right * turn[a] + down * turn[3 + a]) / scale);
  return { ...camera, x: camera.x + shift[0], y: camera.y + shift[1], z: camera.z + shift[2] };
}

// Larger by a factor; what lies under (px, py), measured from the middle of the canvas, stays there.
function zoomed(camera, factor, px = 0, py = 0) {
  return { ...moved(camera, px * (1 / factor - 1), py * (1 / factor - 1)), scale: camera.scale * factor };
}

function turned(camera, right, down) {
  if (!camera.turn) return moved(camera, right, down);
  const [a, b] = [right / 160, down / 160];
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  const [u, v, w] = [camera.turn.slice(0, 3), camera.turn.slice(3, 6), camera.turn.slice(6)];
  const u2 = u.map((p, i) => ca * p + sa * w[i]);
  const w2 = w.map((p, i) => ca * p - sa * u[i]);
  const v2 = v.map((p, i) => cb * p + sb * -w2[i]);
  const w3 = w2.map((p, i) => cb * p + sb * v[i]);
  return { ...camera, turn: orthonormal([...u2, ...v2, ...w3]) };
}

function orthonormal(m) {
  const unit = (v) => v.map((p) => p / Math.hypot(...v));
  const u = unit(m.slice(0, 3));
  const along = u.reduce((sum, p, i) => sum + p * m[3 + i], 0);
  const v = unit(m.slice(3, 6).map((p, i) => p - along * u[i]));
  return [...u, ...v, u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
}

// A camera between two, for flying.
function between(from, to, share) {
  const mix = (a, b) => a + (b - a) * share;
  const turn = to.turn && orthonormal(to.turn.map((v, i) => mix(from.turn[i], v)));
  const scale = Math.exp(mix(Math.log(from.scale), Math.log(to.scale)));
  return { x: mix(from.x, to.x), y: mix(from.y, to.y), z: mix(from.z, to.z), scale, turn };
}
