// What is chosen and selected on a map, told to the maps beside it and to the server, and the pictures it asks for.

const SEND = 60; // ms after a selection until it is sent
const WANT = 160; // ms until missing pictures are asked for
const AGAIN = 5000; // ms until they are asked for again
const MOST_WANTED = 150;
const AT_ONCE = 40; // pictures that are asked for when one is looked at

// Gives a view `point`, `choose`, `select`, `clear`, `want` and `remind`; the function that ends it.
function talking(view, find) {
  let [sending, wanting, asking, wanted] = [0, 0, 0, []];

  view.point = (i) => {
    if (i === view.hover) return;
    view.hover = i;
    find(".over").classList.toggle("pointing", i >= 0);
    view.redraw("over");
  };
  // The pictures of the point that is looked at, and of those that may be next.
  view.wantHovered = () => {
    const { hover, set } = view;
    if (hover >= 0 && set.pictured && !set.tiles.has(hover)) view.want(around(view, hover, AT_ONCE));
  };

  view.choose = (i, told = false) => {
    if (view.data.growing) return;
    view.chosen = view.kept.chosen = i;
    view.nearer();
    if (told) return;
    for (const other of beside(view)) other.choose(counterpart(i, view.set, other.set), true);
    mainOf(view).tellChosen();
  };
  view.nearer = () => {
    view.near = view.set.near?.chosen === view.chosen ? view.set.near.points : [];
    view.redraw("over");
  };
  view.tellChosen = () => view.send("chosen", view.chosen < 0 ? null : view.chosen);

  view.select = (mask, told = false) => {
    if (view.data.growing) return;
    view.kept.selected = mask && mask.includes(1) ? mask : null;
    view.say();
    view.recolour();
    if (told) return;
    const mine = view.kept.selected;
    for (const other of beside(view)) other.select(mine && carried(mine, view.set, other.set), true);
    mainOf(view).tellSelected();
  };
  view.tellSelected = () => {
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
  // The server has forgotten what was chosen before the page was left.
  view.remind = () => {
    if (!view.data.main) return;
    if (view.chosen >= 0) view.tellChosen();
    if (view.kept.selected) view.tellSelected();
  };

  view.want = (points) => {
    const { set } = view;
    const now = performance.now();
    const missing = points.filter((i) => !set.tiles.has(i) && !(now - set.asked.get(i) < AGAIN));
    if (!set.pictured || !missing.length) return;
    wanted = [...new Set([...missing, ...wanted])].slice(0, MOST_WANTED); // the newest first
    clearTimeout(wanting);
    wanting = setTimeout(() => {
      for (const i of wanted) set.asked.set(i, performance.now());
      view.ask("wanted", { of: set.of, points: wanted });
      wanted = [];
      clearTimeout(asking);
      asking = setTimeout(() => view.redraw("over"), AGAIN + WANT); // what is still missing is wanted again
    }, WANT);
  };
  return () => [sending, wanting, asking].forEach(clearTimeout);
}

// Which points are to stand out: those of the names that are looked for, else the selected ones.
function lit(view) {
  const codes = view.column.kind === "class" ? named(view.column, view.ways.words) : [];
  return codes.length ? membersOf(view.set, view.column, codes) : (view.kept.selected ?? null);
}
