// The map itself: what is drawn, when, and what the pointer is at. camera.js, colours.js and paint.js are the same as on
// the Map page. Names from the data are set as text, never as HTML.

const REACH = 14; // pixels from the pointer to a point
const SLOW = 45; // ms a frame, from which on a part of the points stands for all while the map moves
const FAST = 22;
const REST = 160; // ms without movement until all are drawn again

// What travels in the page -> { count, columns, arrays, tile }.
function opened(data) {
  const types = { f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };
  const arrays = {};
  for (const [key, [type, text]] of Object.entries(data.arrays)) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    arrays[key] = new types[type](bytes.buffer);
  }
  return { count: data.count, columns: data.columns, arrays, picture: data.picture };
}

function newView(root, data) {
  const find = (selector) => root.querySelector(selector);
  const [canvas, over] = [find(".points"), find(".over")];
  const set = opened(data);
  const painter = painterOf(canvas, () => view.redraw());
  const view = {
    ...{ root, find, set, data, plain: painter.plain, column: set.columns[0], only: new Set(), words: "" },
    ...{ camera: newCamera(Boolean(set.arrays.z)), whole: null, matrix: null, look: null, hover: -1, dark: false },
    ...{ width: 0, height: 0, ratio: 1, ink: "#000000" },
  };
  let [frame, stale, moving, resting] = [0, true, false, 0];
  let [step, before] = [1, 0]; // every how manyth point is drawn while the map moves, and when that last was
  const places = new Float32Array(3 * set.count);

  view.redraw = () => (frame ||= requestAnimationFrame(draw));
  view.recolour = () => {
    view.look = null;
    view.redraw();
  };

  function draw() {
    frame = 0;
    if (!view.width) return;
    view.matrix = matrixOf(view.camera, view.width, view.height);
    stale = true;
    view.look ??= painted(set, view.column, { ...view, look: data.look, lit: litBy(view), fade: false });
    const screen = painter.plain ? view.screen() : null;
    painter.draw({ set, screen, order: ordering(), ...view, size: sizeOf(view) * view.ratio });
    drawOver(view, over.getContext("2d"));
    placeTip(view);
  }

  function ordering() {
    let { order } = view.look;
    const now = performance.now();
    if (moving && now - before < 400) {
      if (now - before > SLOW) step = Math.min(16, step * 2);
      else if (now - before < FAST) step = Math.max(1, step - 1);
    }
    before = now;
    if (moving && step > 1 && set.count > 4000) order = order.filter((_, k) => k % step === 0);
    if (!view.camera.turn) return order;
    const screen = view.screen();
    let [near, far] = [Infinity, -Infinity];
    for (let k = 2; k < screen.length; k += 3) [near, far] = [Math.min(near, screen[k]), Math.max(far, screen[k])];
    const ranks = Uint16Array.from({ length: set.count }, (_, i) => (65535 * (far - screen[3 * i + 2])) / (far - near || 1));
    return ordered(ranks, order);
  }

  view.screen = () => {
    if (stale) projected(view.matrix, set.arrays, view.width, view.height, places);
    stale = false;
    return places;
  };
  view.nearest = (px, py, reach = REACH) => {
    if (!view.matrix || !view.look) return -1;
    const [screen, some] = [view.screen(), view.only.size > 0 || view.words.trim() !== ""];
    let [best, least] = [-1, reach * reach];
    for (let i = 0, k = 0; i < set.count; i++, k += 3) {
      if (screen[k + 2] <= 0 || (some && !shown(view, i))) continue;
      const square = (screen[k] - px) ** 2 + (screen[k + 1] - py) ** 2;
      if (square < least) [best, least] = [i, square];
    }
    return best;
  };
  view.point = (i) => {
    if (i === view.hover) return;
    view.hover = i;
    view.redraw();
  };

  view.lookFrom = (camera) => {
    view.camera = camera;
    moving = true;
    clearTimeout(resting);
    resting = setTimeout(() => {
      moving = false;
      view.redraw();
    }, REST);
    view.redraw();
  };
  view.goTo = (points) => {
    if (!points.length) return;
    const camera = fitted(view.camera, set.arrays, points, view.width, view.height);
    view.lookFrom({ ...camera, scale: Math.min(camera.scale, view.whole.scale * 12) });
  };
  view.reset = () => view.lookFrom(view.whole);

  view.dress = () => {
    const style = getComputedStyle(document.documentElement);
    view.ink = style.getPropertyValue("--ink").trim();
    view.paper = style.getPropertyValue("--ground").trim();
    view.dark = rgb(view.paper).reduce((a, b) => a + b) < 384;
    view.recolour();
  };
  view.measure = () => {
    const [width, height, ratio] = [over.clientWidth, over.clientHeight, window.devicePixelRatio || 1];
    const first = !view.whole;
    const same = view.camera === view.whole;
    Object.assign(view, { width, height, ratio });
    for (const one of [canvas, over]) [one.width, one.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    view.whole = fitted(newCamera(Boolean(set.arrays.z)), set.arrays, null, width, height);
    if (first || same) view.camera = view.whole;
    view.redraw();
  };
  new ResizeObserver(view.measure).observe(over);
  return view;
}

// Whether a point is one of those that are shown or found.
function shown(view, i) {
  return view.look.kinds[4 * i + 2] || (!view.words.trim() && view.look.kinds[4 * i + 3]);
}

// Pixels across a mark; larger as one comes nearer.
function sizeOf(view) {
  const usual = Math.min(9, Math.max(3, 260 / Math.sqrt(view.set.count)));
  return usual * Math.min(2, Math.max(1, (view.camera.scale / view.whole.scale) ** 0.35));
}

function drawOver(view, pen) {
  pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  if (view.hover < 0) return;
  const screen = view.screen();
  const near = view.set.arrays.nearest?.[view.hover]; // the true neighbour, wherever the map has put it
  if (near !== undefined) {
    pen.beginPath();
    pen.moveTo(screen[3 * view.hover], screen[3 * view.hover + 1]);
    pen.lineTo(screen[3 * near], screen[3 * near + 1]);
    pen.strokeStyle = view.ink;
    pen.lineWidth = 1.2;
    pen.stroke();
  }
  for (const [colour, wide] of [[view.paper, 4], [view.ink, 2]]) {
    pen.beginPath();
    pen.arc(screen[3 * view.hover], screen[3 * view.hover + 1], sizeOf(view) / 2 + 3, 0, 2 * Math.PI);
    pen.strokeStyle = colour;
    pen.lineWidth = wide;
    pen.stroke();
  }
}

// The card beside the pointer: the picture, the class, and what else is known.
function placeTip(view) {
  const { find, hover, set } = view;
  const tip = find(".tip");
  tip.hidden = hover < 0;
  if (hover < 0) return;
  if (tip.dataset.point !== String(hover)) {
    tip.dataset.point = hover;
    find(".tip .name").textContent = nameOf(view, hover);
    find(".tip .more").textContent = factsOf(view, hover).join("\n");
    const picture = find(".tip canvas");
    picture.hidden = !view.sheet;
    if (view.sheet) drawPicture(view, picture, hover);
  }
  const [x, y] = view.screen().subarray(3 * hover, 3 * hover + 2);
  const left = x + 16 + tip.offsetWidth > view.width ? x - 16 - tip.offsetWidth : x + 16;
  const top = Math.min(Math.max(4, y - tip.offsetHeight / 2), view.height - tip.offsetHeight - 4);
  tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  if (set.arrays.ids) tip.dataset.index = set.arrays.ids[hover];
}

function drawPicture(view, canvas, i) {
  const { across, width, height } = view.set.picture;
  const [pen, side] = [canvas.getContext("2d"), canvas.width];
  const scale = side / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  pen.clearRect(0, 0, side, side);
  pen.imageSmoothingEnabled = scale < 1;
  const [sx, sy] = [(i % across) * width, Math.floor(i / across) * height];
  pen.drawImage(view.sheet, sx, sy, width, height, (side - w) / 2, (side - h) / 2, w, h);
}

function nameOf(view, i) {
  const column = view.set.columns[0]; // the classes
  return column.names[view.set.arrays[column.key][i]];
}

function factsOf(view, i) {
  const { columns, arrays } = view.set;
  const told = columns.slice(1).map((column) => {
    const value = arrays[column.key][i];
    if (column.kind === "class") return column.names[value] === undefined ? "" : `${column.name}: ${column.names[value]}`;
    return Number.isFinite(value) ? `${column.name}: ${Number(value.toPrecision(3))}` : "";
  });
  return [...told.filter(Boolean), `Index in the data: ${arrays.ids[i]}`];
}
