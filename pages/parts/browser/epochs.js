// The epoch scrubber: which moment is shown, how time goes on, and what is said of it. `data` is bytes: the length of a
// JSON head, the head, and all frames as float32 numbers, sent once; what comes later only adds frames at the end. Names
// are set as text, never as HTML. The painting itself is in epochs_stage.js.

const stories = new WeakMap();
// Where films were when their place on the page went: it is made anew when a training ends, and the film goes on.
const left = (globalThis.siameseFilms ??= new Map());
const REMEMBERED = 15000; // ms
const SPEEDS = [0.5, 1, 2, 4];
const WHOLE = 14; // seconds that a whole run takes at speed 1, about
const PLOT = { left: 9, right: 43, top: 8, bottom: 20 }; // the scale stands at the right, beside the slider
const FEW = 4; // classes whose list stands below the stage
const SVG = "http://www.w3.org/2000/svg";

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".epochs");
  if (!root || !data) return;
  if (!stories.has(root)) stories.set(root, new Player(root));
  const player = stories.get(root);
  player.take(data);
  player.wake();
  return () => player.sleep();
}

function unpacked(data) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  return { ...head, maps: new Float32Array(bytes.slice(4 + size).buffer) };
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const percent = (v) => (v === null || v === undefined ? "–" : `${(100 * v).toFixed(v > 0.99 && v < 1 ? 1 : 0)}%`);

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

function drawn(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

class Player {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.stage = new Stage(this.find("canvas"));
    this.view = { chosen: new Set(), focus: new Set(), hover: null, tails: !calm() };
    this.time = 0;
    this.speed = 1;
    this.range = this.find(".at");
    this.watch = new ResizeObserver(() => {
      root.classList.toggle("narrow", root.clientWidth < 640);
      if (this.story) this.plot();
      this.soon();
    });
    this.listen();
  }

  // ---- what comes from the server ----

  take(data) {
    const head = unpacked(data);
    if (this.story?.version === head.version) return;
    const before = this.story;
    this.story = head;
    this.last = head.epochs.length - 1;
    this.stage.take(head);
    if (head.sheet && this.sheetOf !== head.sheet.version) {
      this.sheetOf = head.sheet.version;
      this.stage.sheet = new Image();
      this.stage.sheet.onload = () => this.soon();
      this.stage.sheet.src = head.sheet.src;
    }
    if (before?.story !== head.story || Boolean(before.sheet) !== Boolean(head.sheet)) this.legend();
    if (before?.story !== head.story) this.begin(head);
    else if (this.following && this.last > before.epochs.length - 1) {
      if (calm()) this.time = this.last;
      else this.playing = true;
    }
    this.time = Math.min(this.time, this.last);
    this.root.style.setProperty("--above", `${head.above}px`);
    this.root.style.setProperty("--live", head.colour);
    this.range.max = this.last;
    this.range.disabled = this.last < 1;
    this.root.classList.toggle("few", head.classes.length <= FEW);
    this.root.classList.toggle("single", this.last < 1 && !head.live);
    this.plot();
    this.changed();
  }

  begin(head) {
    this.view.hover = null;
    this.stage.camera = null;
    const was = left.get(head.story);
    if (was && performance.now() - was.when < REMEMBERED) {
      Object.assign(this, was.player);
      this.view.chosen = new Set(was.chosen);
      this.view.focus = new Set(was.focus);
      this.view.tails = was.tails;
      this.playing ||= this.following && this.time < this.last && !calm();
      return;
    }
    this.view.chosen.clear();
    this.view.focus.clear();
    this.following = head.live;
    this.time = calm() ? this.last : 0;
    this.playing = !calm() && this.last > 0;
  }

  // ---- time ----

  get seconds() {
    return Math.max(0.22, Math.min(1.4, WHOLE / Math.max(1, this.last))) / this.speed; // an epoch takes
  }

  wake() {
    this.watch.observe(this.root);
    this.soon();
  }

  sleep() {
    const { time, playing, speed, looping, following, view } = this;
    const [chosen, focus] = [[...view.chosen], [...view.focus]];
    const player = { time, playing, speed, looping, following };
    left.set(this.story.story, { player, chosen, focus, tails: view.tails, when: performance.now() });
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
    this.frame = null;
  }

  soon() {
    this.frame ??= requestAnimationFrame((now) => this.turn(now));
  }

  turn(now) {
    this.frame = null;
    if (!this.story) return;
    const passed = Math.min(0.1, (now - (this.before ?? now)) / 1000);
    const was = this.time;
    if (this.target !== null && this.target !== undefined) {
      const left = this.target - this.time;
      const step = (passed / 0.35) * Math.max(1, Math.abs(left));
      this.time = calm() || Math.abs(left) <= step ? this.target : this.time + Math.sign(left) * step;
      if (this.time === this.target) this.target = null;
    } else if (this.playing) {
      this.time = calm() ? this.jump(passed) : this.time + passed / this.seconds;
      if (this.time >= this.last) this.ended();
    }
    const still = this.paint(was !== this.time || this.playing);
    const going = this.playing || (this.target ?? null) !== null || !still;
    this.before = going ? now : null;
    if (going) this.soon();
    else if (this.moved) this.rest();
    this.moved = going;
  }

  // With motion reduced, playing shows one epoch after the other, without the way between them.
  jump(passed) {
    this.waited = (this.waited ?? 0) + passed;
    if (this.waited < Math.max(0.6, this.seconds)) return this.time;
    this.waited = 0;
    return Math.floor(this.time) + 1;
  }

  ended() {
    this.time = this.last;
    if (this.looping && this.last > 0 && !this.story.live) {
      this.pause ??= performance.now();
      if (performance.now() - this.pause < 900) return; // a moment to look at the end
      this.pause = null;
      this.time = 0;
      return;
    }
    this.playing = false;
    this.following = this.story.live;
    this.changed();
  }

  play() {
    this.target = null;
    this.playing = !this.playing;
    if (this.playing && this.time >= this.last) this.time = 0;
    this.following = false;
    this.changed();
  }

  go(time, smoothly = true) {
    const to = Math.max(0, Math.min(this.last, time));
    this.playing = false;
    this.following = this.story.live && to === this.last;
    if (smoothly) this.target = to;
    else [this.time, this.target] = [to, null];
    this.changed();
  }

  step(by) {
    const from = this.target ?? this.time;
    this.go(by > 0 ? Math.floor(from + 1e-6) + 1 : Math.ceil(from - 1e-6) - 1);
  }

  // ---- what is done by hand ----

  listen() {
    const { find, root, range } = this;
    find(".play").onclick = () => this.play();
    find(".back").onclick = () => this.step(-1);
    find(".on").onclick = () => this.step(1);
    find(".speed").onclick = () => {
      this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
      this.changed();
    };
    find(".loop").onclick = () => {
      this.looping = !this.looping;
      this.changed();
    };
    find(".tails").onclick = () => {
      this.view.tails = !this.view.tails;
      this.changed();
    };
    find(".clear").onclick = () => {
      this.view.chosen.clear();
      this.view.focus.clear();
      this.changed();
    };
    find(".live").onclick = () => {
      this.following = true;
      this.playing = this.time < this.last && !calm();
      if (calm()) this.time = this.last;
      this.changed();
    };
    range.oninput = () => this.go(Number(range.value), false);
    range.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 }[event.key];
      if (by === 1 || by === -1) this.step(by);
      else if (by) this.go(Math.round(this.target ?? this.time) + by);
      else if (event.key === " ") this.play();
      else return;
      event.preventDefault();
    };
    root.onkeydown = (event) => {
      if (event.target.closest("button, input")) return;
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.step(event.key === "ArrowLeft" ? -1 : 1);
    };
    const canvas = find("canvas");
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return this.stage.under(event.clientX - box.left, event.clientY - box.top);
    };
    canvas.onpointermove = (event) => this.point(place(event));
    canvas.onpointerleave = () => this.point(null);
    canvas.onclick = (event) => {
      const i = this.view.hover ?? place(event); // what the ring is around
      if (i === null) return;
      this.toggle(this.view.chosen, i);
      this.point(null);
    };
  }

  toggle(set, value) {
    if (!set.delete(value)) set.add(value);
    this.changed();
  }

  point(i) {
    if (!this.story || this.view.hover === i) return;
    this.view.hover = i;
    this.find("canvas").classList.toggle("over", i !== null);
    this.soon();
  }

  // ---- what is shown ----

  paint(moving) {
    this.view.moving = moving;
    this.view.calm = calm();
    const still = this.stage.paint(this.time, this.view);
    const near = Math.round(this.time);
    this.range.value = this.time;
    if (near !== this.near || this.words !== this.story.version) this.tell(near);
    this.mark();
    this.tip();
    return still;
  }

  // Buttons and whatever else follows a choice rather than time.
  changed() {
    const { find, story, view } = this;
    if (!story) return;
    const name = this.playing ? "Pause" : "Play";
    find(".play").classList.toggle("going", Boolean(this.playing));
    find(".play").setAttribute("aria-label", name);
    find(".play").title = `${name} (space bar on the slider)`;
    find(".play").disabled = this.last < 1;
    find(".back").disabled = find(".on").disabled = this.last < 1;
    find(".speed").textContent = `${this.speed === 0.5 ? "½" : this.speed}×`;
    find(".speed").setAttribute("aria-label", `Speed ${this.speed} times`);
    find(".loop").setAttribute("aria-pressed", String(Boolean(this.looping)));
    find(".loop").hidden = story.live;
    find(".tails").setAttribute("aria-pressed", String(view.tails));
    find(".tails").hidden = calm();
    find(".clear").hidden = !view.chosen.size && !view.focus.size;
    find(".live").hidden = !story.live;
    find(".live").classList.toggle("following", this.following);
    find(".live").setAttribute("aria-label", this.following ? "Following the training" : "Follow the training");
    for (const [c, row] of (this.rows ?? []).entries()) row.setAttribute("aria-pressed", String(view.focus.has(c)));
    this.near = null;
    this.moved = true;
    this.soon();
  }

  // Words and figures of the epoch that is nearest.
  tell(near) {
    const { find, story } = this;
    [this.near, this.words] = [near, story.version];
    const epoch = story.epochs[near];
    find(".epoch").textContent = epoch ? `Epoch ${epoch}` : "Before training";
    find(".of").textContent = epoch && story.total ? `of ${story.total}` : "";
    this.range.setAttribute("aria-valuetext", this.inWords(near));
    for (const curve of story.curves) {
      const value = curve.values[near];
      curve.word.textContent = percent(value);
    }
    for (const [c, row] of this.rows.entries()) row.lastChild.textContent = percent(story.apart[near][c]);
    for (const kind of this.kinds) kind.figure.textContent = percent(mean(story, near, kind.classes));
    find("canvas").setAttribute("aria-label", `${story.words.map} ${this.inWords(near)}`);
  }

  inWords(near) {
    const { story } = this;
    const epoch = story.epochs[near];
    const parts = [epoch ? `Epoch ${epoch}` : "Before training"];
    for (const kind of this.kinds) parts.push(`${kind.name}: same-class neighbours ${percent(mean(story, near, kind.classes))}`);
    for (const curve of story.curves) if (curve.values[near] !== null) parts.push(`${curve.name} ${percent(curve.values[near])}`);
    return `${parts.join("; ")}.`;
  }

  // Once things stand still, for those who listen.
  rest() {
    this.find(".said").textContent = this.inWords(Math.round(this.time));
  }

  // Figures and legend: one row a class, with a bar that grows as it comes to stand apart.
  legend() {
    const { find, story } = this;
    const of = (unseen) => [...story.classes.keys()].filter((c) => story.classes[c].unseen === unseen);
    this.kinds = [
      { name: story.words.unseen, classes: of(true) },
      { name: story.words.seen, classes: of(false) },
    ].filter((kind) => kind.classes.length);
    this.rows = [];
    for (const kind of this.kinds) kind.figure = make("b", "");
    find(".figures").replaceChildren(
      make("p", "small", story.words.apart),
      ...this.kinds.map((kind) => make("p", "figure", kind.figure, make("span", "", kind.name))),
    );
    find(".legend").replaceChildren(
      ...this.kinds.flatMap((kind) => [
        make("p", "small kind", kind.name),
        ...kind.classes.map((c) => {
          const row = this.row(c);
          this.rows[c] = row;
          return row;
        }),
      ]),
    );
  }

  row(c) {
    const of = this.story.classes[c];
    const mark = drawn("svg", { viewBox: "0 0 14 14", class: "mark" });
    const r = { circle: 5, diamond: 4.4, square: 4.3 }[of.symbol];
    const common = { fill: of.colour, class: of.unseen ? "outlined" : "" };
    if (of.symbol === "circle") mark.append(drawn("circle", { cx: 7, cy: 7, r, ...common }));
    else {
      const turn = of.symbol === "diamond" ? "rotate(45 7 7)" : "";
      mark.append(drawn("rect", { x: 7 - r, y: 7 - r, width: 2 * r, height: 2 * r, transform: turn, ...common }));
    }
    const bar = make("i", "fill");
    const name = make("span", "name", of.lines.at(-1));
    if (this.story.sheet) name.prepend(this.thumb(this.story.labels.indexOf(c), 17));
    const row = make("button", "class", mark, name, make("span", "track", bar), make("span", "value"));
    bar.style.background = of.colour;
    row.fill = bar;
    row.type = "button";
    row.title = of.name;
    row.onclick = () => this.toggle(this.view.focus, c);
    return row;
  }

  // One picture of the sheet.
  thumb(i, side) {
    const { columns, rows, width, height, src } = this.story.sheet;
    const scale = side / Math.max(width, height);
    const thumb = make("i", "thumb");
    Object.assign(thumb.style, {
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      backgroundImage: `url(${src})`,
      backgroundSize: `${columns * width * scale}px ${rows * height * scale}px`,
      backgroundPosition: `${-(i % columns) * width * scale}px ${-Math.floor(i / columns) * height * scale}px`,
      imageRendering: scale > 1 ? "pixelated" : "auto",
    });
    return thumb;
  }

  // ---- the line of the epochs, with the validation curves ----

  plot() {
    const { find, story } = this;
    const svg = find(".line svg");
    const [width, height] = [svg.clientWidth, svg.clientHeight];
    this.keys();
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const floor = height - PLOT.bottom;
    this.along = (t) => PLOT.left + (this.last ? t / this.last : 0) * (width - PLOT.left - PLOT.right);
    const known = story.curves.flatMap((curve) => curve.values).filter((v) => v !== null);
    const low = Math.max(0, Math.floor((Math.min(1, ...known) - 0.04) * 10) / 10);
    const up = (v) => floor - ((v - low) / (1 - low)) * (floor - PLOT.top);
    const ahead = drawn("g", { class: "ahead" });
    const passed = drawn("g", { class: "passed", "clip-path": "url(#epochs-passed)" });
    const clip = drawn("clipPath", { id: "epochs-passed" });
    this.clip = drawn("rect", { x: 0, y: -4, width: 0, height: height + 8 });
    clip.append(this.clip);
    this.needle = drawn("g", { class: "needle" });
    this.needle.append(drawn("path", { d: `M0 0V${floor}` }));
    this.dots = [];
    for (const curve of story.curves) {
      const points = curve.values.map((v, i) => (v === null ? null : [this.along(i), up(v)])).filter(Boolean);
      const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
      for (const layer of [ahead, passed]) layer.append(drawn("path", { d, stroke: curve.colour }));
      const dot = drawn("circle", { r: 4.5, fill: curve.colour });
      this.dots.push({ dot, curve, up });
    }
    const base = drawn("path", { class: "base", d: `M0 ${floor}H${width}M0 ${up(1)}H${width}` });
    const scale = [low, 1].map((v) => {
      const text = drawn("text", { x: width - 2, y: up(v) + (v === 1 ? 13 : -5), "text-anchor": "end" });
      text.textContent = percent(v);
      return text;
    });
    svg.replaceChildren(clip, base, ...(known.length ? scale : []), ...this.ticks(width, floor), ahead, passed, this.needle, ...this.dots.map((d) => d.dot));
  }

  ticks(width, floor) {
    const { epochs } = this.story;
    const most = Math.max(2, Math.floor(width / 46));
    const every = [1, 2, 5, 10, 20, 50, 100, 200].find((n) => epochs.length / n <= most) ?? 500;
    const made = [];
    epochs.forEach((epoch, i) => {
      const x = this.along(i);
      const named = i % every === 0 || (i === this.last && i % every > every / 2);
      if (epochs.length <= width / 6) made.push(drawn("path", { class: "tick", d: `M${x} ${floor}v${named ? 5 : 3}` }));
      if (!named) return;
      const text = drawn("text", { x, y: floor + 16, "text-anchor": i === 0 ? "start" : "middle" });
      if (i === 0) text.setAttribute("x", 2);
      text.textContent = epoch;
      made.push(text);
    });
    return made;
  }

  keys() {
    this.find(".keys").replaceChildren(
      ...this.story.curves.map((curve) => {
        const swatch = make("i", "");
        swatch.style.background = curve.colour;
        curve.word = make("b", "");
        return make("span", "key", swatch, `${curve.name} `, curve.word);
      }),
    );
    this.near = null;
  }

  mark() {
    const { story, time } = this;
    for (const [c, row] of this.rows.entries()) row.fill.style.transform = `scaleX(${between(story.apart, time, c)})`;
    if (!this.along) return;
    const x = this.along(time);
    this.needle.setAttribute("transform", `translate(${x} 0)`);
    this.clip.setAttribute("width", Math.max(0, x));
    const i = Math.min(Math.floor(time), this.last);
    for (const { dot, curve, up } of this.dots) {
      const [a, b] = [curve.values[i], curve.values[Math.min(i + 1, this.last)]];
      const known = time > i ? a !== null && b !== null : a !== null;
      dot.style.display = known ? "" : "none";
      if (!known) continue;
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", up(a + ((b ?? a) - a) * (time - i)));
    }
  }

  tip() {
    const { find, story, stage } = this;
    const tip = find(".tip");
    const i = this.view.hover;
    tip.hidden = i === null;
    if (i === null) return;
    const of = story.classes[story.labels[i]];
    if (this.tipOf !== i) {
      tip.querySelector(".thumb")?.remove();
      if (story.sheet) tip.prepend(this.thumb(i, 84));
      this.tipOf = i;
    }
    tip.querySelector("b").textContent = of.name;
    const kind = of.unseen ? story.words.unseen_one : story.words.seen_one;
    tip.querySelector("span").textContent = `${kind}. Click to ${this.view.chosen.has(i) ? "let it go" : "follow it"}.`;
    tip.style.borderColor = of.colour;
    const left = stage.x[i] > stage.canvas.clientWidth * 0.62;
    tip.style.left = left ? "auto" : `${stage.x[i] + 16}px`;
    tip.style.right = left ? `${stage.canvas.clientWidth - stage.x[i] + 16}px` : "auto";
    tip.style.top = `${Math.max(4, Math.min(stage.canvas.clientHeight - 130, stage.y[i] - 40))}px`;
  }
}

function mean(story, frame, classes) {
  const values = classes.map((c) => story.apart[frame][c]).filter((v) => v !== null);
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
}
