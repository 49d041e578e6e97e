// The two canvases of a map: when they are drawn again, how large they are, and where they are looked at from.

const FLIGHT = 450; // ms
const DRIFT = 900; // ms that the points of a growing map take to their next places
const MOST_DRIFTING = 20000; // points; more are put there at once
const SLOW = 45; // ms a frame, from which on only a part of the points is drawn while the map moves
const FAST = 22;
const REST = 140; // ms without movement until all are drawn again

// Gives a view `redraw`, `marks`, `screen`, `at` and what they need; the function that ends it.
function drawing(view, find) {
  const [canvas, over] = [find(".points"), find(".over")];
  const painter = painterOf(canvas, () => view.redraw());
  let [frame, whole, stale] = [0, true, true]; // stale: the points' places on screen are those of another camera
  let [step, before] = [1, 0]; // every how manyth point is drawn while the map moves, and when that last was
  let places = new Float32Array(0);
  let drifting = 0;
  view.plain = painter.plain;

  // Before the screen is next refreshed: all, or only what lies over the points.
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
    view.wantHovered();
  }

  function drawPoints() {
    const matrix = matrixOf(view.camera, view.width, view.height);
    stale ||= matrix.some((value, k) => value !== view.matrix?.[k]);
    view.matrix = matrix;
    view.size = sizeOf(view);
    const { set, ink, ratio } = view;
    const [look, order] = [view.marks(), ordering()];
    const screen = painter.plain ? view.screen() : null;
    painter.draw({ set, matrix, look, order, ink, screen, ratio, size: view.size * ratio });
  }

  // Where drawing is slow, a part of the points stands for all while the map moves.
  function ordering() {
    const { set } = view;
    const look = view.marks();
    const now = performance.now();
    if (view.moving && now - before < 400) {
      if (now - before > SLOW) step = Math.min(16, step * 2);
      else if (now - before < FAST) step = Math.max(1, step - 1);
    }
    before = now;
    const some = view.moving && step > 1 && set.count > 4000;
    if (some && look.step !== step) [look.step, look.part] = [step, look.order.filter((_, k) => k % step === 0)];
    const order = some ? look.part : look.order;
    return view.camera.turn ? deepest(view, order) : order;
  }

  // What is drawn of every point, worked out anew after a change.
  view.marks = () => {
    const { column, only, dark, ink, ways } = view;
    view.look ??= painted(view.set, column, { look: view.data.look, lit: lit(view), fade: ways.fade, only, dark, ink });
    return view.look;
  };
  view.recolour = () => {
    view.look = null;
    view.redraw();
  };

  view.screen = () => {
    if (places.length !== 3 * view.set.count) [places, stale] = [new Float32Array(3 * view.set.count), true];
    if (stale) projected(view.matrix, view.set.arrays, view.width, view.height, places);
    stale = false;
    return places;
  };
  view.at = (i) => {
    const { x, y, z } = view.set.arrays;
    return place(view.matrix, x[i], y[i], z?.[i], view.width, view.height);
  };
  view.inView = (i) => inView(view.matrix, view.set.arrays, [i], 1).length > 0;
  view.tileSide = (count) => {
    const room = Math.sqrt((view.width * view.height) / Math.max(1, count));
    return Math.min(64, Math.max(26, 0.5 * room));
  };

  // A growing map's points move to their next places.
  view.drift = () => {
    const { set } = view;
    if (!set.next) return;
    const [from, to, start] = [set.arrays, set.next, performance.now()];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || set.count > MOST_DRIFTING;
    set.next = null;
    cancelAnimationFrame(drifting);
    const step = () => {
      const share = still ? 1 : Math.min(1, (performance.now() - start) / DRIFT);
      const now = {};
      for (const axis of Object.keys(to)) now[axis] = to[axis].map((v, i) => from[axis][i] + (v - from[axis][i]) * share);
      set.arrays = { ...set.arrays, ...now };
      set.moves += 1;
      set.contours = null;
      for (const column of set.columns) column.middles = null;
      stale = true;
      view.fit();
      view.redraw();
      if (share < 1) drifting = requestAnimationFrame(step);
    };
    step();
  };

  view.measure = () => {
    const [width, height, ratio] = [over.clientWidth, over.clientHeight, window.devicePixelRatio || 1];
    if (width === view.width && height === view.height && ratio === view.ratio) return;
    Object.assign(view, { width, height, ratio });
    for (const one of [canvas, over]) [one.width, one.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    stale = true;
    view.fit();
  };
  const sizes = new ResizeObserver(() => {
    view.measure();
    view.redraw();
    level();
  });
  sizes.observe(over);
  sizes.observe(find(".bar"));
  return () => {
    cancelAnimationFrame(frame);
    cancelAnimationFrame(drifting);
    sizes.disconnect();
    painter.leave();
  };
}

// Gives a view `fit`, `lookFrom`, `flyTo`, `reset` and `goTo`; the function that ends it.
function looking(view) {
  let [flight, resting] = [0, 0];
  const whole = () =>
    fitted(newCamera(Boolean(view.set.arrays.z)), view.set.arrays, null, view.width, view.height);

  // All points, unless the reader looks elsewhere already.
  view.fit = () => {
    if (!view.set?.count || !view.width) return;
    view.whole = whole();
    view.camera = view.kept.camera ?? view.whole;
  };
  view.lookFrom = (camera) => {
    view.camera = view.kept.camera = camera;
    view.moving = true;
    clearTimeout(resting);
    resting = setTimeout(() => {
      view.moving = false;
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
  view.reset = () => view.matrix && view.flyTo(view.whole);
  view.goTo = (points) => {
    const camera = fitted(view.camera, view.set.arrays, points, view.width, view.height);
    view.flyTo({ ...camera, scale: Math.min(camera.scale, view.whole.scale * 12) });
  };
  return () => {
    view.stopFlying();
    clearTimeout(resting);
  };
}

// The diameter of a mark in pixels: smaller where there are many, larger when zoomed in.
function sizeOf(view) {
  const room = Math.sqrt((view.width * view.height) / view.set.count);
  const near = view.camera.scale / view.whole.scale;
  return Math.min(16, Math.max(2.4, Math.min(8.5, 0.42 * room + 1)) * Math.max(0.8, near ** 0.35));
}

// These points, the farthest first.
function deepest(view, order) {
  const screen = view.screen();
  const ranks = new Uint16Array(view.set.count);
  for (let i = 0; i < ranks.length; i++) {
    ranks[i] = 65535 - Math.max(0, Math.min(65535, Math.round(screen[3 * i + 2] * 16000)));
  }
  return ordered(ranks, order);
}
