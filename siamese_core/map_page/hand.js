// Mouse, finger, pen and keyboard on the map.

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 40; // pixels that an arrow key moves

function handle(view, canvas) {
  const held = new Map(); // pointer -> where it is
  let spread = null; // of two fingers: how far apart, and their middle
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const fingers = () => {
    const [[a, b], [c, d]] = [...held.values()];
    return [Math.hypot(a - c, b - d), (a + c) / 2, (b + d) / 2];
  };

  canvas.onpointerdown = (event) => {
    event.preventDefault();
    canvas.focus({ focusVisible: false });
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, point(event));
    spread = held.size === 2 ? fingers() : null;
    if (event.pointerType !== "mouse") view.point(view.nearest(...point(event)));
  };
  canvas.onpointermove = (event) => {
    const at = point(event);
    const before = held.get(event.pointerId);
    if (!before) return view.point(view.nearest(...at));
    const [right, down] = [at[0] - before[0], at[1] - before[1]];
    if (!right && !down) return null;
    held.set(event.pointerId, at);
    view.point(-1);
    if (held.size === 2) return pinched();
    const shift = event.shiftKey || (event.buttons & 6) > 0;
    return view.lookFrom(shift ? moved(view.camera, right, down) : turned(view.camera, right, down));
  };
  function pinched() {
    const now = fingers();
    const camera = moved(view.camera, now[1] - spread[1], now[2] - spread[2]);
    const factor = now[0] / Math.max(1, spread[0]);
    view.lookFrom(zoomed(camera, factor, now[1] - view.width / 2, now[2] - view.height / 2));
    spread = now;
  }
  canvas.onpointerup = canvas.onpointercancel = canvas.onlostpointercapture = (event) => held.delete(event.pointerId);
  canvas.onpointerleave = () => view.point(-1);
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const [x, y] = point(event);
      const amount = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
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
    else if (key === "Enter" || key === " ") {
      const i = view.nearest(view.width / 2, view.height / 2, Infinity);
      view.point(i);
      if (i >= 0) view.find(".said").textContent = [nameOf(view, i), ...factsOf(view, i)].join(". ");
    } else if (key === "Escape") view.point(-1);
    else return;
    event.preventDefault();
  };
}
