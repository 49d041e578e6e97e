// A map of many points. The points themselves come once, by map_data.js; this is called with small things: which points,
// what they are called, which colours. What a reader has set (colours, view, selection) is kept in the hub, so that it is
// there again when the part has moved on the page, and so that maps side by side share it.

const wired = new WeakMap(); // the part's root -> its view
const FLIGHT = 450; // ms
const SEND = 60; // ms after a selection until it is sent
const WANT = 160; // ms until missing pictures are asked for
const MOST_WANTED = 150;
const SLOW = 45; // ms a frame, from which on only a part of the points is drawn while the map moves
const REST = 140; // ms without movement until all are drawn again

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  if (!wired.has(root)) wired.set(root, newView(root));
  const view = wired.get(root);
  view.send = setStateValue;
  view.ask = setTriggerValue;
  view.given(data);
  return () => {
    view.leave();
    wired.delete(root);
  };
}

function newView(root) {
  const find = (selector) => root.querySelector(selector);
  const [canvas, over] = [find(".points"), find(".over")];
  const view = { root, data: null, set: null, width: 0, height: 0, ratio: 1, size: 6, camera: newCamera(false) };
  Object.assign(view, { chosen: -1, near: [], hover: -1, path: [], keyed: false, kept: {}, ways: USUAL, only: new Set(), look: null });
  const painter = painterOf(canvas, () => view.redraw());
  let [frame, flight, sending, wanting, resting] = [0, 0, 0, 0, 0];
  let [step, before] = [1, 0]; // every how manyth point is drawn while the map moves, and when it last was drawn
  let wanted = new Set();
  let [stale, whole] = [true, true]; // the points' places on screen are those of another camera; all is to be drawn
  let places = new Float32Array(0);

  // Draw again before the screen is next refreshed: all, or only what lies over the points.
  view.redraw = (part = "all") => {
    whole ||= part === "all";
    frame ||= requestAnimationFrame(draw);
  };

  function draw() {
    frame = 0;
    if (!view.set?.count || !view.width) return;
    if (whole) drawPoints();
    whole = false;
    drawOver(view, over.getContext("2d"));
    placeTip(view, find);
  }

  function drawPoints() {
    const matrix = matrixOf(view.camera, view.width, view.height);
    stale ||= matrix.some((value, k) => value !== view.matrix?.[k]);
    view.matrix = matrix;
    view.size = sizeOf(view);
    const look = view.marks();
    const order = ordering();
    const { set, ink, ratio } = view;
    const screen = painter.plain ? view.screen() : null;
    painter.draw({ set, matrix, look, order, ink, screen, ratio, size: view.size * ratio });
  }

  // What is drawn of every point, worked out anew after a change.
  view.marks = () => {
    view.look ??= painted(view.set, view.column, { ...view, look: view.data.look, lit: lit(view), fade: view.ways.fade });
    return view.look;
  };

  // Where drawing is slow, a part of the points stands for all while the map moves.
  function ordering() {
    const { look, set } = view;
    if (resting) {
      const now = performance.now();
      if (now - before < 400) step = now - before > SLOW ? Math.min(16, step * 2) : Math.max(1, step - (now - before < 22));
      before = now;
    }
    const some = resting && step > 1 && set.count > 4000;
    if (some && look.step !== step) [look.step, look.part] = [step, look.order.filter((_, k) => k % step === 0)];
    const order = some ? look.part : look.order;
    return view.camera.turn ? deepest(view, order) : order;
  }

  view.screen = () => {
    if (places.length !== 3 * view.set.count) places = new Float32Array(3 * view.set.count);
    if (stale) projected(view.matrix, view.set.arrays, view.width, view.height, places);
    stale = false;
    return places;
  };
  view.at = (i) => {
    const { x, y, z } = view.set.arrays;
    return place(view.matrix, x[i], y[i], z?.[i], view.width, view.height);
  };
  view.inView = (i) => inView(view.matrix, view.set.arrays, [i], 1).length > 0;
  view.some = () => view.only.size > 0;
  view.tileSide = (count) => Math.min(64, Math.max(26, 0.5 * Math.sqrt((view.width * view.height) / Math.max(1, count))));
  view.reach = () => Math.max(REACH, view.size);

  // ---- what is looked at ----

  view.lookFrom = (camera) => {
    view.camera = view.kept.camera = camera;
    clearTimeout(resting);
    resting = setTimeout(() => {
      resting = 0;
      view.redraw();
    }, REST);
    view.redraw();
  };
  view.stopFlying = () => cancelAnimationFrame(flight);
  view.flyTo = (camera) => {
    const [from, start] = [view.camera, performance.now()];
    const time = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : FLIGHT;
    view.stopFlying();
    const step = () => {
      const share = time ? Math.min(1, (performance.now() - start) / time) : 1;
      view.lookFrom(share < 1 ? between(from, camera, share * share * (3 - 2 * share)) : camera);
      if (share < 1) flight = requestAnimationFrame(step);
    };
    step();
  };
  view.reset = () => {
    if (!view.matrix) return;
    view.flyTo(fitted(newCamera(Boolean(view.set.arrays.z)), view.set.arrays, null, view.width, view.height));
  };
  view.goTo = (points) => {
    const camera = fitted(view.camera, view.set.arrays, points, view.width, view.height);
    const whole = fitted(view.camera, view.set.arrays, null, view.width, view.height).scale;
    view.flyTo({ ...camera, scale: Math.min(camera.scale, whole * 12) });
  };

  // ---- what is chosen ----

  view.recolour = () => {
    view.look = null;
    view.redraw();
  };
  view.point = (i) => {
    if (i === view.hover) return;
    view.hover = i;
    over.classList.toggle("pointing", i >= 0);
    if (i >= 0 && view.set.pictured && !view.set.tiles.has(i)) view.want(around(view, i, 40));
    view.redraw("over");
  };
  view.choose = (i, told = false) => {
    view.chosen = view.kept.chosen = i;
    view.near = view.set.near?.chosen === i ? view.set.near.points : [];
    view.redraw("over");
    if (told) return;
    for (const other of beside(view)) other.choose(counterpart(i, view.set, other.set), true);
    const main = mainOf(view);
    const its = counterpart(i, view.set, main.set);
    main.send("chosen", its < 0 ? null : its);
  };
  view.select = (mask, told = false) => {
    const count = mask ? mask.reduce((a, b) => a + b, 0) : 0;
    view.kept.selected = count ? mask : null;
    view.say();
    view.recolour();
    if (told) return;
    for (const other of beside(view)) other.select(count ? carried(mask, view.set, other.set) : null, true);
    mainOf(view).sendSelected();
  };
  view.sendSelected = () => {
    clearTimeout(sending);
    sending = setTimeout(() => {
      const mask = view.kept.selected;
      view.send("selected", mask ? { of: view.set.of, bits: bits(mask) } : null);
    }, SEND);
  };
  view.clear = () => {
    if (view.kept.selected) view.select(null);
    if (view.chosen >= 0) view.choose(-1);
  };
  view.drawn = (path) => {
    view.path = path;
    view.redraw("over");
  };
  view.keys = (on) => {
    view.keyed = on;
    view.redraw("over");
  };

  // Pictures that are not here are asked for once, a moment after they are wanted.
  view.want = (points) => {
    const { set } = view;
    if (!set.pictured) return;
    const missing = points.filter((i) => !set.tiles.has(i) && !set.asked.has(i));
    if (!missing.length) return;
    wanted = new Set(missing);
    clearTimeout(wanting);
    wanting = setTimeout(() => {
      const asked = [...wanted].slice(0, MOST_WANTED);
      asked.forEach((i) => set.asked.add(i));
      view.ask("wanted", { of: set.of, points: asked });
    }, WANT);
  };

  // ---- the part around the canvas ----

  view.say = () => {
    const mask = view.kept.selected;
    const count = mask ? mask.reduce((a, b) => a + b, 0) : 0;
    const slow = painter.plain ? " Drawn without WebGL, which is slower: this browser has it switched off." : "";
    const only = view.note ? ` ${view.note}` : "";
    const all = counted(view.set.count, "point");
    find(".said").textContent = (count ? `${counted(count, "point")} of ${all} selected.` : `${all}.`) + only + slow;
    find(".clear").hidden = !count;
  };

  view.given = (data) => {
    const [first, same] = [!view.data, view.data?.of === data.of];
    view.data = data;
    view.ways = settingsOf(data.link);
    root.classList.toggle("follows", !data.main);
    over.setAttribute("aria-label", data.label);
    view.font = getComputedStyle(root).fontFamily;
    const style = getComputedStyle(root);
    view.paper = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    view.dark = rgb(view.paper).reduce((a, b) => a + b) < 384;
    view.ink = view.dark ? data.look.ink.dark : data.look.ink.light;
    if (!same) watch(setOf(data.of));
    if (first) hub.views.add(view);
    level();
    if (same && view.set.count) view.settled();
  };
  // After a change of what is set; `all` for every linked map.
  view.settled = (all = false) => {
    if (!view.set?.count) return;
    fillControls(view, find);
    view.recolour();
    if (all) for (const other of beside(view)) other.settled();
  };

  function watch(set) {
    view.set?.watchers.delete(told);
    view.set = set;
    view.kept = set.kept[view.data.name] ??= {}; // camera, chosen, selected
    set.watchers.add(told);
    if (set.count) told("points");
  }

  function told(kind) {
    if (!view.set.count) return null;
    if (kind === "near") {
      if (view.chosen === view.set.near.chosen) view.near = view.set.near.points;
      return view.redraw("over");
    }
    if (kind === "pictures") return view.redraw("over");
    find(".wait").hidden = true;
    const deep = Boolean(view.set.arrays.z);
    view.measure();
    view.look = null;
    view.camera = view.kept.camera ?? fitted(newCamera(deep), view.set.arrays, null, view.width, view.height);
    view.chosen = view.kept.chosen ?? -1;
    view.near = view.set.near?.chosen === view.chosen ? view.set.near.points : [];
    level();
    return view.settled();
  }

  view.measure = () => {
    stale = true;
    const fits = !view.kept.camera && view.set?.count;
    Object.assign(view, { width: over.clientWidth, height: over.clientHeight, ratio: window.devicePixelRatio || 1 });
    for (const one of [canvas, over]) {
      one.width = Math.round(view.width * view.ratio);
      one.height = Math.round(view.height * view.ratio);
    }
    if (fits && view.width) view.camera = fitted(view.camera, view.set.arrays, null, view.width, view.height);
  };
  const size = new ResizeObserver(() => {
    view.measure();
    if (view.set) view.redraw();
    level();
  });
  size.observe(over);
  size.observe(find(".bar"));
  handle(view, over);
  wireControls(view, find);

  view.leave = () => {
    [frame, flight].forEach(cancelAnimationFrame);
    [sending, wanting, resting].forEach(clearTimeout);
    size.disconnect();
    view.set?.watchers.delete(told);
    hub.views.delete(view);
    painter.leave();
  };
  return view;
}

// Which points are to stand out: those of the names that are looked for, else the selected ones.
function lit(view) {
  const codes = view.column.kind === "class" ? named(view.column, view.ways.words) : [];
  return codes.length ? membersOf(view.set, view.column, codes) : (view.kept.selected ?? null);
}

// The diameter of a mark in pixels: smaller where there are many, larger when zoomed in.
function sizeOf(view) {
  const whole = fitted(view.camera, view.set.arrays, null, view.width, view.height).scale;
  const room = Math.sqrt((view.width * view.height) / view.set.count);
  const near = view.camera.scale / whole;
  return Math.min(16, Math.max(2.4, Math.min(8.5, 0.42 * room + 1)) * Math.max(0.8, near ** 0.35));
}

// These points, the farthest first.
function deepest(view, order) {
  const screen = view.screen();
  const ranks = new Uint16Array(view.set.count);
  for (let i = 0; i < ranks.length; i++) {
    const w = screen[3 * i + 2];
    ranks[i] = 65535 - Math.max(0, Math.min(65535, Math.round(w * 16000)));
  }
  return ordered(ranks, order);
}
