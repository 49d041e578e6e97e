// Who gets which colour. A column is of classes ("class": codes into names) or of numbers. Seven colours in three
// shapes tell 21 classes apart; of more, the largest get them and the rest is faint, unless some are chosen by name.

const FAINT = 0.3; // opacity of what is not coloured
const DIM = 0.1; // of what is not chosen, while something is
const PLAIN = 0.88;

// How often each class of a column is there, and its classes, the largest first.
function tally(set, column) {
  if (column.sizes) return column;
  column.sizes = new Uint32Array(column.names.length);
  for (const code of set.arrays[column.key]) column.sizes[code]++;
  const there = [...column.sizes.keys()].filter((code) => column.sizes[code]);
  column.order = there.sort((a, b) => column.sizes[b] - column.sizes[a] || a - b);
  return column;
}

// code -> the place of its colour, for those that are coloured. A class keeps its colour when others go.
function placesOf(column, only, most) {
  const usual = column.order.slice(0, most).sort((a, b) => a - b);
  const places = new Map(usual.map((code, place) => [code, place]));
  if (!only.size) return places;
  const found = new Map();
  const taken = new Set();
  for (const code of only) {
    if (!places.has(code)) continue;
    found.set(code, places.get(code));
    taken.add(places.get(code));
  }
  let next = 0;
  for (const code of only) {
    if (found.has(code) || found.size >= most) continue;
    while (taken.has(next)) next++;
    found.set(code, next);
    taken.add(next);
  }
  return found;
}

// The colour and the shape of a class at its place; some columns (right or wrong) have colours of their own.
function styleOf(look, column, place) {
  const own = column.colours?.[place];
  const count = look.palette.length;
  return { colour: own ?? look.palette[place % count], shape: own ? 0 : Math.floor(place / count) % 3 };
}

// The range of a column of numbers without its extremes.
function rangeOf(set, column) {
  if (!column.range) {
    const sorted = Float32Array.from(set.arrays[column.key]).filter(Number.isFinite).sort();
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
    column.range = [at(0.02), at(0.98)];
    if (column.range[0] === column.range[1]) column.range = [at(0), at(1)];
  }
  return column.range;
}

function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

function mixed(stops, share) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const [low, high] = [stops[Math.floor(at)], stops[Math.ceil(at)]].map(rgb);
  return low.map((value, c) => Math.round(value + (high[c] - value) * (at % 1)));
}

// What is drawn of every point: `tints` (red, green, blue, opacity) and `kinds` (shape, outlined, larger, coloured),
// and `order`, in which they are drawn: the faint ones first. `lit` (0 or 1 each) are to stand out.
function painted(set, column, { look, only, lit, fade, dark, ink }) {
  const { count, arrays } = set;
  const [tints, kinds] = [new Uint8Array(4 * count), new Uint8Array(4 * count)];
  const ranks = new Uint8Array(count); // 0 drawn first
  const { styles, which } = stylesOf(set, column, look, only, dark);
  const [grey, plain] = [look.grey, ink].map((colour) => ({ tint: rgb(colour), shape: 0 }));
  const doubt = fade && arrays.error ? doubtOf(set) : null;
  for (let i = 0, k = 0; i < count; i++, k += 4) {
    const found = styles[which(i)];
    const [bright, dim] = [lit && lit[i], lit && !lit[i]];
    const { tint, shape } = found ?? (bright ? plain : grey);
    let opacity = found ? PLAIN : FAINT;
    if (doubt) opacity *= 1 - 0.88 * doubt[i];
    if (bright) opacity = Math.max(opacity, 0.8);
    if (dim) opacity = Math.min(opacity, DIM);
    tints[k] = tint[0];
    tints[k + 1] = tint[1];
    tints[k + 2] = tint[2];
    tints[k + 3] = 255 * opacity;
    kinds[k] = shape;
    kinds[k + 1] = found && !dim && arrays.unseen?.[i] ? 1 : 0;
    kinds[k + 2] = bright ? 1 : 0;
    kinds[k + 3] = found ? 1 : 0;
    ranks[i] = (bright ? 2 : 0) + (found ? 1 : 0);
  }
  return { tints, kinds, order: ordered(ranks, shuffle(set)) };
}

// The styles that there are, and which of them a point has (undefined: none).
function stylesOf(set, column, look, only, dark) {
  const values = set.arrays[column.key];
  if (column.kind === "number") {
    const ramp = dark ? look.ramp.dark : look.ramp.light;
    const styles = Array.from({ length: 256 }, (_, k) => ({ tint: mixed(ramp, k / 255), shape: 0 }));
    const [low, high] = rangeOf(set, column);
    const share = (v) => Math.min(255, Math.max(0, Math.round((255 * (v - low)) / (high - low || 1))));
    return { styles, which: (i) => (Number.isFinite(values[i]) ? share(values[i]) : -1) };
  }
  const styles = [];
  for (const [code, place] of placesOf(tally(set, column), only, look.most)) {
    const { colour, shape } = styleOf(look, column, place);
    styles[code] = { tint: rgb(colour), shape };
  }
  return { styles, which: (i) => values[i] };
}

// How far each point's place is from being believed, 0 to 1.
function doubtOf(set) {
  const [least, most] = rangeOf(set, set.columns.find((column) => column.key === "error"));
  return set.arrays.error.map((v) => (v > least ? Math.min(1, (v - least) / (most - least || 1)) : 0));
}

// The same order each time, in which no class lies over the others.
function shuffle(set) {
  if (set.shuffled) return set.shuffled;
  const order = Uint32Array.from({ length: set.count }, (_, i) => i);
  let state = 12345;
  for (let i = set.count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return (set.shuffled = order);
}

// Points by small whole ranks, the lowest first, otherwise in the order given.
function ordered(ranks, from) {
  const starts = new Uint32Array(65537);
  for (const i of from) starts[ranks[i] + 1]++;
  for (let r = 1; r < starts.length; r++) starts[r] += starts[r - 1];
  const order = new Uint32Array(from.length);
  for (const i of from) order[starts[ranks[i]]++] = i;
  return order;
}
