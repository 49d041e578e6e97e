// A sheet of paper to draw on. Strokes are lists of points in [0, 1]; the picture goes to the server a moment
// after a stroke has ended. Streamlit calls the default function again when the theme changes (with the same
// elements) and when the part has moved on the page (with new ones): strokes are kept here by the part's name.

const SENT = 280; // pixels of a side of the picture that is sent
const PEN = 0.03; // width of the pen, of the paper's side
const STEP = 0.03; // how far an arrow key moves the pen
const WAIT = 350; // ms after a stroke until the picture is sent
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const sheets = new Map(); // name -> { strokes, unsent }
const wired = new WeakMap(); // canvas -> { send, end }

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const canvas = parentElement.querySelector(".paper");
  if (!wired.has(canvas)) {
    if (!sheets.has(data.name)) sheets.set(data.name, { strokes: [], unsent: false });
    const sheet = sheets.get(data.name);
    sheet.unsent ||= sheet.strokes.length > 0 && !data.given;
    const live = { send: setStateValue };
    live.end = wire(parentElement, canvas, sheet, live);
    wired.set(canvas, live);
  }
  canvas.setAttribute("aria-label", data.label);
  wired.get(canvas).send = setStateValue;
  return wired.get(canvas).end; // Streamlit keeps the latest call's, and calls it when the part leaves the page
}

function wire(root, canvas, sheet, live) {
  const [undo, clear] = [root.querySelector(".undo"), root.querySelector(".clear")];
  const pen = { x: 0.5, y: 0.5, down: false, shown: false };
  let drawing = null; // the pointer that draws
  let timer = 0;

  function paint() {
    const side = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
    if (canvas.width !== side) canvas.width = canvas.height = side;
    ink(canvas.getContext("2d"), sheet.strokes, side);
    if (pen.shown) cursor(canvas.getContext("2d"), pen, side);
    root.querySelector(".hint").hidden = sheet.strokes.length > 0 || pen.shown;
    undo.disabled = clear.disabled = sheet.strokes.length === 0;
  }

  function changed() {
    sheet.unsent = true;
    clearTimeout(timer);
    timer = setTimeout(() => {
      sheet.unsent = false;
      live.send("picture", picture(sheet.strokes));
    }, WAIT);
    const count = sheet.strokes.length;
    root.querySelector(".said").textContent = count === 1 ? "1 stroke" : `${count} strokes`;
    paint();
  }

  function point(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  canvas.onpointerdown = (event) => {
    if (drawing !== null || event.button !== 0 || !event.isPrimary) return;
    event.preventDefault(); // no selecting of the text around
    canvas.focus({ focusVisible: false });
    canvas.setPointerCapture(event.pointerId);
    clearTimeout(timer);
    drawing = event.pointerId;
    Object.assign(pen, { down: false, shown: false });
    sheet.strokes.push([point(event)]);
    paint();
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== drawing) return;
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of all.length ? all : [event]) sheet.strokes.at(-1).push(point(one));
    paint();
  };
  canvas.onpointerup = canvas.onpointercancel = canvas.onlostpointercapture = (event) => {
    if (event.pointerId !== drawing) return;
    drawing = null;
    changed();
  };

  canvas.onkeydown = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") undo.click();
    else if (event.key === " ") press();
    else if (ARROWS[event.key]) move(...ARROWS[event.key]);
    else return;
    event.preventDefault();
  };
  function press() {
    pen.down = !pen.down;
    pen.shown = true;
    if (pen.down) sheet.strokes.push([[pen.x, pen.y]]);
    changed();
  }
  function move(right, down) {
    pen.shown = true;
    pen.x = Math.min(1, Math.max(0, pen.x + right * STEP));
    pen.y = Math.min(1, Math.max(0, pen.y + down * STEP));
    if (!pen.down) return paint();
    sheet.strokes.at(-1).push([pen.x, pen.y]);
    return changed();
  }
  canvas.onblur = () => {
    Object.assign(pen, { down: false, shown: false });
    paint();
  };

  undo.onclick = () => {
    if (drawing !== null || !sheet.strokes.length) return;
    sheet.strokes.pop();
    pen.down = false;
    changed();
    if (undo.disabled) canvas.focus();
  };
  clear.onclick = () => {
    sheet.strokes.length = 0;
    pen.down = false;
    changed();
    canvas.focus();
  };

  const size = new ResizeObserver(paint);
  size.observe(canvas);
  paint();
  if (sheet.unsent) changed();
  return () => {
    clearTimeout(timer);
    size.disconnect();
    wired.delete(canvas);
  };
}

// Curves through the middles of neighbouring points, so that corners of the mouse's path do not show.
function ink(pen, strokes, side) {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, side, side);
  pen.strokeStyle = pen.fillStyle = "#000";
  pen.lineWidth = PEN * side;
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) {
    const p = stroke.map(([x, y]) => [x * side, y * side]);
    pen.beginPath();
    pen.moveTo(...p[0]);
    for (let i = 1; i < p.length - 1; i++) {
      pen.quadraticCurveTo(...p[i], (p[i][0] + p[i + 1][0]) / 2, (p[i][1] + p[i + 1][1]) / 2);
    }
    pen.lineTo(...p.at(-1));
    pen.stroke();
  }
}

// Where the keyboard's pen is: a ring while it is lifted, a filled one while it draws.
function cursor(brush, pen, side) {
  brush.beginPath();
  brush.arc(pen.x * side, pen.y * side, 0.03 * side, 0, 2 * Math.PI);
  brush.lineWidth = Math.max(1, 0.01 * side);
  brush.strokeStyle = brush.fillStyle = "#0072b2";
  brush.stroke();
  if (pen.down) brush.fill();
}

// The drawing as a small PNG in base64; empty when nothing is drawn.
function picture(strokes) {
  if (!strokes.length) return "";
  const sheet = document.createElement("canvas");
  sheet.width = sheet.height = SENT;
  ink(sheet.getContext("2d"), strokes, SENT);
  return sheet.toDataURL("image/png").split(",")[1];
}
