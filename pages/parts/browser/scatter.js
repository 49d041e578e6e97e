// A map of many points. The points themselves come once, by map_data.js; this is called with small things: which
// points, what they are called, which colours. What a reader has set (colours, view, selection) is kept in the hub, so
// that it is there again when the part has moved on the page, and so that maps side by side share it.

const wired = new WeakMap(); // the part's root -> its view

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  if (!wired.has(root)) wired.set(root, newView(root));
  const view = wired.get(root);
  Object.assign(view, { send: setStateValue, ask: setTriggerValue });
  view.given(data);
  return () => {
    view.leave();
    wired.delete(root);
  };
}

function newView(root) {
  const find = (selector) => root.querySelector(selector);
  const view = {
    root, // the part's element
    data: null, // what the server gave
    set: null, // the points
    kept: {}, // of these points here: camera, chosen, selected
    ways: USUAL, // what the reader has set
    ...{ column: null, only: new Set(), look: null }, // what is coloured, and how every point is drawn
    ...{ width: 0, height: 0, ratio: 1, size: 6, camera: newCamera(false), whole: null, matrix: null, moving: false },
    ...{ chosen: -1, near: [], hover: -1, path: [], keyed: false },
  };
  const ends = [looking(view), drawing(view, find), talking(view, find)];
  handle(view, find(".over"));
  wireControls(view, find);

  view.given = (data) => {
    const [before, paper] = [view.data, view.paper];
    view.data = data;
    view.ways = settingsOf(data.link);
    root.classList.toggle("follows", !data.main);
    root.classList.toggle("grows", data.growing);
    find(".over").setAttribute("aria-label", data.label);
    dress(view);
    hub.views.add(view);
    if (before?.of !== data.of) watch(setOf(data.of));
    else if (paper !== view.paper) view.settled();
    level();
  };

  // After a change of what is set; `all`: on every linked map.
  view.settled = (all = false) => {
    if (!view.set.count) return;
    fillControls(view, find);
    view.recolour();
    if (all) for (const other of beside(view)) other.settled();
  };

  view.say = () => {
    const count = view.kept.selected ? view.kept.selected.reduce((a, b) => a + b, 0) : 0;
    const all = counted(view.set.count, "point");
    const chosen = `${count.toLocaleString("en")} of ${all} selected and shown below.`;
    const words = [count ? chosen : `${all}.`, view.note];
    if (view.plain) words.push("Drawn without WebGL, which is slower: this browser has it switched off.");
    find(".said").textContent = words.filter(Boolean).join(" ");
    find(".clear").hidden = !count;
  };

  function watch(set) {
    view.set?.watchers.delete(told);
    view.set = set;
    view.kept = set.kept[view.data.name] ??= {};
    set.watchers.add(told);
    if (set.count) told("points");
  }

  // Something has come for the points.
  function told(kind) {
    if (!view.set.count) return;
    if (kind === "near") view.nearer();
    else if (kind === "pictures" || kind === "placed") view.redraw("over");
    else if (kind === "facts" || kind === "own") view.settled();
    else if (kind === "places") view.drift();
    else begin();
  }

  function begin() {
    find(".wait").hidden = true;
    view.chosen = view.kept.chosen ?? -1;
    view.measure();
    view.fit();
    view.nearer();
    view.settled();
    view.remind();
    view.drift();
    level();
  }

  view.leave = () => {
    for (const end of ends) end();
    view.set?.watchers.delete(told);
    hub.views.delete(view);
  };
  return view;
}

// The theme's colours, as the page has them.
function dress(view) {
  const style = getComputedStyle(view.root);
  view.font = style.fontFamily;
  view.paper = style.getPropertyValue("--st-background-color").trim();
  view.dark = rgb(view.paper).reduce((a, b) => a + b) < 384;
  view.ink = view.dark ? view.data.look.ink.dark : view.data.look.ink.light;
}
