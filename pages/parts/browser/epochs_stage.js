// Where points are between two epochs, and how they are painted. Nothing here knows of buttons.

const HEAD = 26; // pixels that the words at the top need, beside the margin
const TOP = 62; // where a class may be named at most, below the words
const TAIL = 0.45; // of an epoch: what a moving point leaves behind it
const SHAPES = { circle: 1, diamond: 1.12, square: 0.86 }; // half of a side, beside the circle's radius, of equal weight

// All frames of some things that move in the plane: `values` holds (frames, count, 2) numbers.
class Paths {
  constructor(values, frames, count) {
    Object.assign(this, { values, frames, count });
  }

  // The places at a moment between frames: a cubic through them that never goes beyond a place where it turns.
  at(time, out = new Float32Array(this.count * 2)) {
    const { values, frames, count } = this;
    const size = count * 2;
    const i = Math.min(Math.floor(time), frames - 1);
    const s = time - i;
    const here = i * size;
    if (!s || i + 1 >= frames) return out.set(values.subarray(here, here + size)), out;
    const next = here + size;
    const before = i > 0 ? here - size : here;
    const after = i + 2 < frames ? next + size : next;
    const h1 = s * s * (3 - 2 * s);
    const h2 = s * (s - 1) * (s - 1);
    const h3 = s * s * (s - 1);
    for (let k = 0; k < size; k++) {
      const a = values[here + k];
      const d = values[next + k] - a;
      const before_d = a - values[before + k];
      const after_d = values[after + k] - values[next + k];
      const m0 = d * before_d > 0 ? Math.sign(d) * Math.min(Math.abs(d + before_d) / 2, 2 * Math.abs(d), 2 * Math.abs(before_d)) : 0;
      const m1 = d * after_d > 0 ? Math.sign(d) * Math.min(Math.abs(d + after_d) / 2, 2 * Math.abs(d), 2 * Math.abs(after_d)) : 0;
      out[k] = a + h1 * d + h2 * m0 + h3 * m1;
    }
    return out;
  }
}

// The middle of each class in each frame: medians, so that a stray point moves nothing.
function middles(values, frames, labels, classes) {
  const members = Array.from({ length: classes }, () => []);
  labels.forEach((c, i) => members[c].push(i));
  const out = new Float32Array(frames * classes * 2);
  for (let f = 0; f < frames; f++) {
    const from = f * labels.length * 2;
    members.forEach((mine, c) => {
      for (const k of [0, 1]) {
        const sorted = Float32Array.from(mine, (i) => values[from + 2 * i + k]).sort();
        out[(f * classes + c) * 2 + k] = sorted[sorted.length >> 1];
      }
    });
  }
  return out;
}

class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.stamps = new Map();
    this.camera = null;
  }

  take(story) {
    const { maps, epochs, labels, classes } = story;
    const count = labels.length;
    this.story = story;
    this.points = new Paths(maps, epochs.length, count);
    this.classes = new Paths(middles(maps, epochs.length, labels, classes.length), epochs.length, classes.length);
    this.now = new Float32Array(count * 2);
    this.x = new Float32Array(count);
    this.y = new Float32Array(count);
    // Classes that are learnt from below, unseen ones above them; of one class, one stamp after the other.
    this.order = Array.from(labels.keys()).sort(
      (a, b) => classes[labels[a]].unseen - classes[labels[b]].unseen || labels[a] - labels[b],
    );
    this.firsts = classes.map((_, c) => labels.indexOf(c));
    this.radius = count <= 320 ? 5.5 : count <= 800 ? 4.6 : count <= 2000 ? 3.2 : 2.4;
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let k = 0; k < maps.length; k += 2) {
      left = Math.min(left, maps[k]);
      right = Math.max(right, maps[k]);
      low = Math.min(low, maps[k + 1]);
      high = Math.max(high, maps[k + 1]);
    }
    this.box = [(left + right) / 2, (low + high) / 2, Math.max(right - left, 1e-9), Math.max(high - low, 1e-9)];
  }

  // What of the plane is seen. It follows slowly where new epochs need more room, so that nothing jumps.
  look(width, height, calm) {
    const room = 34;
    const [cx, cy, w, h] = this.box;
    const scale = Math.min((width - 2 * room) / w, (height - 2 * room - HEAD) / h);
    const wanted = [cx, cy, scale];
    const far = this.camera && Math.abs(Math.log(this.camera[2] / scale)) > 1.5;
    if (!this.camera || calm || far || this.size !== `${width}x${height}`) this.camera = wanted;
    else this.camera = this.camera.map((v, i) => v + (wanted[i] - v) * 0.12);
    this.size = `${width}x${height}`;
    const [x, y, s] = this.camera;
    this.to = (px, py) => [width / 2 + (px - x) * s, (height + HEAD) / 2 - (py - y) * s];
    return Math.abs(this.camera[2] / scale - 1) < 0.002 && Math.abs((x - cx) * s) + Math.abs((y - cy) * s) < 0.5;
  }

  // Paints the moment `time`; true when nothing more moves by itself. `view`: {moving, tails, calm, chosen, focus, hover}.
  paint(time, view) {
    const { canvas, context: g, story } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return true;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(canvas);
    this.ink = style.color;
    this.paper = style.backgroundColor;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const still = this.look(width, height, view.calm);
    this.points.at(time, this.now);
    const [cx, cy] = this.to(0, 0);
    const scale = this.camera[2];
    for (let i = 0; i < this.x.length; i++) {
      this.x[i] = cx + this.now[2 * i] * scale;
      this.y[i] = cy - this.now[2 * i + 1] * scale;
    }
    if (view.tails && view.moving && this.x.length <= 1500) this.tails(time, view);
    this.trails(time, view);
    this.stampAll(ratio, view);
    this.tags(time, view);
    for (const i of view.chosen) this.ring(i, 2.5);
    if (view.hover !== null) this.ring(view.hover, 2);
    this.pictures(view);
    return still;
  }

  faint(label, view) {
    return view.focus.size > 0 && !view.focus.has(label);
  }

  stampAll(ratio, view) {
    const { context: g, story } = this;
    let last = -1;
    let stamp;
    for (const faint of view.focus.size ? [true, false] : [false]) {
      g.globalAlpha = faint ? 0.1 : 0.92;
      for (const i of this.order) {
        const c = story.labels[i];
        if (view.focus.size && this.faint(c, view) !== faint) continue;
        if (c !== last) stamp = this.stamp((last = c), ratio);
        g.drawImage(stamp.image, this.x[i] - stamp.half, this.y[i] - stamp.half, 2 * stamp.half, 2 * stamp.half);
      }
      last = -1;
    }
    g.globalAlpha = 1;
  }

  // A class's mark, drawn once.
  stamp(c, ratio) {
    const { colour, symbol, unseen } = this.story.classes[c];
    const key = [colour, symbol, unseen, ratio, this.radius, this.ink].join();
    if (!this.stamps.has(key)) {
      const half = Math.ceil(this.radius * 1.3) + 2;
      const sheet = new OffscreenCanvas(2 * half * ratio, 2 * half * ratio);
      const g = sheet.getContext("2d");
      g.scale(ratio, ratio);
      shape(g, symbol, half, half, this.radius);
      g.fillStyle = colour;
      g.fill();
      if (unseen) {
        g.lineWidth = this.radius > 3 ? 1.3 : 0.8;
        g.strokeStyle = this.ink;
        g.stroke();
      }
      this.stamps.set(key, { image: sheet.transferToImageBitmap(), half }); // a bitmap is drawn quicker than a canvas
    }
    return this.stamps.get(key);
  }

  // Behind every moving point, its last way, in two steps of faintness.
  tails(time, view) {
    const { context: g, story } = this;
    const ends = [time, time - TAIL / 2, time - TAIL].map((t) => this.points.at(Math.max(0, t)));
    g.lineWidth = this.radius * 0.9;
    g.lineCap = "butt";
    [1, 2].forEach((k) => {
      const ways = story.classes.map(() => new Path2D());
      for (const i of this.order) {
        const a = ends[k - 1];
        const b = ends[k];
        ways[story.labels[i]].moveTo(...this.to(a[2 * i], a[2 * i + 1]));
        ways[story.labels[i]].lineTo(...this.to(b[2 * i], b[2 * i + 1]));
      }
      ways.forEach((way, c) => {
        g.globalAlpha = this.faint(c, view) ? 0.03 : k === 1 ? 0.22 : 0.1;
        g.strokeStyle = story.classes[c].colour;
        g.stroke(way);
      });
    });
    g.globalAlpha = 1;
  }

  // The whole way of chosen points and of the middles of chosen classes, older parts fainter.
  trails(time, view) {
    for (const i of view.chosen) this.trail(this.points, i, time, this.story.classes[this.story.labels[i]].colour, 2);
    for (const c of view.focus) this.trail(this.classes, c, time, this.story.classes[c].colour, 4);
  }

  trail(paths, i, time, colour, width) {
    const g = this.context;
    const steps = Math.max(1, Math.ceil(time * 6));
    let before = null;
    g.strokeStyle = g.fillStyle = colour;
    g.lineCap = "round";
    for (let k = 0; k <= steps; k++) {
      const t = Math.min(time, k / 6);
      const one = this.place(paths, i, t);
      const age = (time - t) / Math.max(8, paths.frames * 0.5);
      g.globalAlpha = Math.max(0.12, 0.85 * (1 - age));
      g.lineWidth = width;
      if (before) {
        g.beginPath();
        g.moveTo(...before);
        g.lineTo(...one);
        g.stroke();
      }
      if (k % 6 === 0 && t < time) {
        g.beginPath();
        g.arc(...one, width + 0.5, 0, 7);
        g.fill();
      }
      before = one;
    }
    g.globalAlpha = 1;
  }

  place(paths, i, time) {
    const single = new Paths(paths.one?.[i] ?? this.single(paths, i), paths.frames, 1);
    return this.to(...single.at(time));
  }

  single(paths, i) {
    paths.one ??= {};
    const values = new Float32Array(paths.frames * 2);
    for (let f = 0; f < paths.frames; f++) {
      values[2 * f] = paths.values[(f * paths.count + i) * 2];
      values[2 * f + 1] = paths.values[(f * paths.count + i) * 2 + 1];
    }
    return (paths.one[i] = values);
  }

  ring(i, width) {
    const g = this.context;
    g.beginPath();
    g.arc(this.x[i], this.y[i], this.radius + 3.5, 0, 7);
    g.lineWidth = width;
    g.strokeStyle = this.ink;
    g.stroke();
  }

  // A class is named beside its points as soon as they are a place of their own.
  tags(time, view) {
    const { story } = this;
    const middle = this.classes.at(time);
    const apart = story.classes.map((_, c) => between(story.apart, time, c));
    const [cx, cy] = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
    story.classes.forEach((of, c) => {
      const shown = Math.max(0, Math.min(1, (apart[c] - 0.45) / 0.25)) * (this.faint(c, view) ? 0.15 : 1);
      if (shown < 0.02) return;
      const [x, y] = this.to(middle[2 * c], middle[2 * c + 1]);
      const away = Math.hypot(x - cx, y - cy) || 1;
      const off = this.radius * 2 + 22;
      this.tag(of, c, x + ((x - cx) / away) * off, Math.max(TOP, y + ((y - cy) / away) * off), shown);
    });
  }

  tag(of, c, x, y, alpha) {
    const { context: g, story } = this;
    g.globalAlpha = alpha;
    const item = this.firsts[c];
    if (this.sheet?.complete && story.sheet) {
      const side = 26;
      this.picture(item, x, y, side, of.colour);
    } else {
      g.font = "600 13px " + getComputedStyle(this.canvas).fontFamily;
      g.textAlign = "center";
      g.textBaseline = "middle";
      g.lineWidth = 4;
      g.lineJoin = "round";
      g.strokeStyle = this.paper;
      g.fillStyle = this.ink;
      const name = of.lines.at(-1);
      const half = g.measureText(name).width / 2 + 6;
      x = Math.max(half, Math.min(this.canvas.clientWidth - half, x));
      g.strokeText(name, x, y);
      g.fillText(name, x, y);
    }
    g.globalAlpha = 1;
  }

  picture(item, x, y, side, colour) {
    const { context: g, story } = this;
    const { columns, width, height } = story.sheet;
    const w = (side * width) / Math.max(width, height);
    const h = (side * height) / Math.max(width, height);
    [x, y] = [
      Math.max(w / 2 + 3, Math.min(this.canvas.clientWidth - w / 2 - 3, x)),
      Math.max(h / 2 + 3, Math.min(this.canvas.clientHeight - h / 2 - 3, y)),
    ];
    g.imageSmoothingEnabled = side < Math.max(width, height);
    const from = [(item % columns) * width, Math.floor(item / columns) * height];
    g.drawImage(this.sheet, ...from, width, height, x - w / 2, y - h / 2, w, h);
    g.strokeStyle = colour;
    g.lineWidth = 2.5;
    g.beginPath();
    g.roundRect(x - w / 2 - 1, y - h / 2 - 1, w + 2, h + 2, 4);
    g.stroke();
  }

  // Chosen points carry their pictures with them.
  pictures(view) {
    if (!this.sheet?.complete || !this.story.sheet) return;
    for (const i of view.chosen) {
      const { colour } = this.story.classes[this.story.labels[i]];
      this.picture(i, this.x[i] + this.radius + 24, this.y[i] - this.radius - 20, 36, colour);
    }
  }

  // The point under a place of the canvas, or null.
  under(px, py) {
    let best = 15 * 15;
    let found = null;
    for (let i = 0; i < this.x.length; i++) {
      const d = (this.x[i] - px) ** 2 + (this.y[i] - py) ** 2;
      if (d < best) [best, found] = [d, i];
    }
    return found;
  }
}

function shape(g, symbol, x, y, radius) {
  const r = radius * SHAPES[symbol];
  g.beginPath();
  if (symbol === "circle") g.arc(x, y, r, 0, 7);
  else if (symbol === "square") g.rect(x - r, y - r, 2 * r, 2 * r);
  else {
    g.moveTo(x, y - r);
    g.lineTo(x + r, y);
    g.lineTo(x, y + r);
    g.lineTo(x - r, y);
    g.closePath();
  }
}

// A figure between two epochs; null counts as nothing.
function between(rows, time, column) {
  const i = Math.min(Math.floor(time), rows.length - 1);
  const a = rows[i][column] ?? 0;
  const b = rows[Math.min(i + 1, rows.length - 1)][column] ?? 0;
  return a + (b - a) * (time - i);
}
