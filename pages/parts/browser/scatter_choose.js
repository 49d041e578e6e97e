// Which points are meant: under the pointer, inside a line, of a name; and how a selection travels.

const REACH = 14; // pixels from the pointer to a point
const AROUND = 48; // pixels within which a point's neighbours on screen are looked at next

// The point nearest to a place on the canvas, within `reach`; -1 where there is none. Coloured ones come first.
function nearest(view, px, py, reach = REACH) {
  if (!view.matrix) return -1;
  const [screen, kinds, some] = [view.screen(), view.marks().kinds, view.only.size > 0];
  let [best, least] = [-1, reach * reach];
  for (let i = 0, k = 0; i < view.set.count; i++, k += 3) {
    if (screen[k + 2] <= 0 || (some && !kinds[4 * i + 3])) continue;
    const [a, b] = [screen[k] - px, screen[k + 1] - py];
    const square = a * a + b * b;
    if (square < least) [best, least] = [i, square];
  }
  return best;
}

// The points on screen around one, the nearest first: those that a reader may look at next.
function around(view, i, most) {
  const screen = view.screen();
  const [x, y] = view.at(i);
  const found = [];
  for (let j = 0, k = 0; j < view.set.count; j++, k += 3) {
    const far = (screen[k] - x) ** 2 + (screen[k + 1] - y) ** 2;
    if (far < AROUND * AROUND && screen[k + 2] > 0) found.push([far, j]);
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, most).map(([, j]) => j);
}

// One byte a point, 1 for those inside a closed line on the canvas; only coloured ones where only some are shown.
function inside(view, path) {
  if (!view.matrix) return new Uint8Array(0);
  const [screen, kinds, some] = [view.screen(), view.marks().kinds, view.only.size > 0];
  const [xs, ys] = [path.map((p) => p[0]), path.map((p) => p[1])];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const mask = new Uint8Array(view.set.count);
  for (let i = 0, k = 0; i < mask.length; i++, k += 3) {
    const [x, y] = [screen[k], screen[k + 1]];
    if (screen[k + 2] <= 0 || x < left || x > right || y < top || y > bottom) continue;
    if (some && !kinds[4 * i + 3]) continue;
    mask[i] = within(xs, ys, x, y) ? 1 : 0;
  }
  return mask;
}

function within(xs, ys, x, y) {
  let odd = false;
  for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
    if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
  }
  return odd;
}

// Classes of a column whose name holds the words; capitals do not matter.
function named(column, words) {
  const wanted = words.replaceAll("_", " ").trim().toLowerCase();
  if (!wanted) return [];
  const exact = column.names.findIndex((name) => name.toLowerCase() === wanted);
  if (exact >= 0) return [exact];
  return column.names.flatMap((name, code) => (name.toLowerCase().includes(wanted) ? [code] : []));
}

function membersOf(set, column, codes) {
  const wanted = new Uint8Array(column.names.length);
  for (const code of codes) wanted[code] = 1;
  return Uint8Array.from(set.arrays[column.key], (code) => wanted[code]);
}

function listed(mask) {
  const found = [];
  mask.forEach((on, i) => on && found.push(i));
  return found;
}

// A mask as bits (the first point is the lowest bit of the first byte) in base64: 17 KB for 100,000 points.
function bits(mask) {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((on, i) => on && (bytes[i >> 3] |= 1 << (i & 7)));
  let text = "";
  for (let k = 0; k < bytes.length; k += 4096) text += String.fromCharCode(...bytes.subarray(k, k + 4096));
  return btoa(text);
}

// The same items in another set of points, found by their index in the data.
function carried(mask, from, to) {
  const there = new Uint8Array(to.count);
  mask.forEach((on, i) => {
    const at = on ? counterpart(i, from, to) : -1;
    if (at >= 0) there[at] = 1;
  });
  return there;
}

function counterpart(i, from, to) {
  if (i < 0 || from === to) return i;
  to.places ??= new Map(Array.from(to.arrays.ids, (id, at) => [id, at]));
  return to.places.get(from.arrays.ids[i]) ?? -1;
}
