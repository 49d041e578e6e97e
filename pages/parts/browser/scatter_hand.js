// Mouse, finger, pen and keyboard on the map.

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 40; // pixels that an arrow key moves
const STILL = 5; // pixels that a click may move

function handle(view, canvas) {
  const held = new Map(); // pointer -> where it is
  let drag = null; // { how, from, moved }
  const line = (path) => {
    view.path = path;
    view.redraw("over");
  };
  const cross = (on) => {
    view.keyed = on;
    view.redraw("over");
  };

  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [a, b] = [...held.values()];
    return [Math.hypot(a[0] - b[0], a[1] - b[1]), (a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  };

  canvas.onpointerdown = (event) => {
    if (event.pointerType === "mouse" && event.button > 2) return;
    event.preventDefault(); // no selecting of the text around
    canvas.focus({ focusVisible: false });
    canvas.setPointerCapture(event.pointerId);
    view.stopFlying();
    held.set(event.pointerId, point(event));
    const from = point(event);
    const how = event.button > 0 ? "shift" : event.shiftKey && view.ways.mode === "move" ? "box" : view.ways.mode;
    drag = held.size === 1 ? { how, from, moved: false } : { how: "pinch", from: spread(), moved: true };
    if (drag.how === "pinch") view.path = [];
    view.point(-1);
  };

  canvas.onpointermove = (event) => {
    const at = point(event);
    if (!held.has(event.pointerId)) return view.point(nearest(view, ...at, Math.max(REACH, view.size)));
    const before = held.get(event.pointerId);
    held.set(event.pointerId, at);
    if (!drag) return null;
    if (Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > STILL) drag.moved = true;
    if (!drag.moved) return null;
    return dragged(event, before, at);
  };

  function dragged(event, before, at) {
    const [right, down] = [at[0] - before[0], at[1] - before[1]];
    if (drag.how === "pinch") {
      const now = spread();
      const factor = now[0] / Math.max(1, drag.from[0]);
      const camera = moved(view.camera, now[1] - drag.from[1], now[2] - drag.from[2]);
      view.lookFrom(zoomed(camera, factor, now[1] - view.width / 2, now[2] - view.height / 2));
      drag.from = now;
    } else if (drag.how === "box") {
      const [[a, b], [c, d]] = [drag.from, at];
      line([[a, b], [c, b], [c, d], [a, d]]);
    } else if (drag.how === "lasso") {
      const all = event.getCoalescedEvents?.() ?? [];
      const added = (all.length ? all : [event]).map(point);
      line([...(view.path.length ? view.path : [drag.from]), ...added]);
    } else {
      view.lookFrom(drag.how === "shift" ? moved(view.camera, right, down) : turned(view.camera, right, down));
    }
    return null;
  }

  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (!held.delete(event.pointerId) || !drag) return;
    const { how, moved: far } = drag;
    if (held.size === 1 && how === "pinch") {
      drag = { how: "move", from: [...held.values()][0], moved: true };
      return;
    }
    if (held.size) return;
    drag = null;
    const path = view.path;
    line([]);
    if (event.type === "pointercancel") return;
    if (!far) view.choose(nearest(view, ...point(event), Math.max(REACH, view.size)));
    else if (how === "box" || how === "lasso") view.select(inside(view, path));
  };
  canvas.onlostpointercapture = canvas.onpointerup;
  canvas.onpointerleave = () => view.point(-1);
  canvas.oncontextmenu = (event) => event.preventDefault();

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      view.stopFlying();
      const amount = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
      const [x, y] = point(event);
      view.lookFrom(zoomed(view.camera, Math.exp(-amount / 400), x - view.width / 2, y - view.height / 2));
    },
    { passive: false },
  );

  canvas.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (KEYS[key]) {
      const [right, down] = KEYS[key].map((v) => v * STEP);
      view.lookFrom(view.camera.turn ? turned(view.camera, right, down) : moved(view.camera, -right, -down));
    } else if (key === "+" || key === "=") view.lookFrom(zoomed(view.camera, 1.3));
    else if (key === "-") view.lookFrom(zoomed(view.camera, 1 / 1.3));
    else if (key === "0" || key === "Home") view.reset();
    else if (key === "Enter" || key === " ") view.choose(nearest(view, view.width / 2, view.height / 2, Infinity));
    else if (key === "s" || key === "S") {
      const [w, h] = [view.width, view.height];
      view.select(inside(view, [[0, 0], [w, 0], [w, h], [0, h]]));
    } else if (key === "Escape") view.clear();
    else return;
    event.preventDefault();
    cross(true);
  };
  canvas.onblur = () => cross(false);
}
