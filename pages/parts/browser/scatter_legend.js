// The controls above the map and the legend below it. Names are set as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const MOST_LISTED = 500; // names that the search offers before anything is typed

function wireControls(view, find) {
  find(".by").onchange = (event) => {
    Object.assign(view.ways, { by: event.target.value, words: "" });
    find(".find").value = "";
    view.settled(true);
  };
  for (const button of view.root.querySelectorAll("[data-mode]")) {
    button.onclick = () => {
      view.ways.mode = button.dataset.mode;
      view.settled(true);
    };
  }
  for (const button of view.root.querySelectorAll("[data-turn]")) {
    button.onclick = () => {
      view.ways[button.dataset.turn] = !view.ways[button.dataset.turn];
      view.settled(true);
    };
  }
  find(".in").onclick = () => view.lookFrom(zoomed(view.camera, 1.4));
  find(".out").onclick = () => view.lookFrom(zoomed(view.camera, 1 / 1.4));
  find(".reset").onclick = () => view.reset();
  find(".clear").onclick = () => view.select(null);
  find(".find").oninput = () => search(view, find);
  find(".find").onkeydown = (event) => {
    if (event.key === "Enter") goToFound(view, find);
  };
}

// While words are typed, the classes they name light up; where they name one class, or by Enter, the map goes there.
function search(view, find) {
  const words = find(".find").value;
  view.ways.words = words;
  const codes = named(view.column, words);
  for (const one of [view, ...beside(view)]) one.recolour();
  if (codes.length === 1) return goToFound(view, find);
  const names = codes.slice(0, 3).map((code) => view.column.names[code]).join(", ");
  const more = codes.length > 3 ? `, and ${(codes.length - 3).toLocaleString("en")} more` : "";
  if (!words.trim()) return view.say();
  const nothing = `Nothing here is called “${words.trim()}”.`;
  find(".said").textContent = codes.length ? `Found: ${names}${more}.` : nothing;
  return null;
}

function goToFound(view, find) {
  const { column, ways } = view;
  const codes = named(column, ways.words);
  if (!codes.length) return;
  const places = placesOf(column, view.only, view.data.look.most);
  if (codes.length === 1 && !places.has(codes[0])) {
    ways.only[column.key] = [...view.only, codes[0]]; // of many classes, this one gets a colour
    view.settled(true);
  }
  for (const one of [view, ...beside(view)]) one.goTo(listed(membersOf(one.set, one.column, codes)));
  if (codes.length === 1) find(".said").textContent = `Found: ${column.names[codes[0]]}.`;
}

function fillControls(view, find) {
  const { set, ways } = view;
  const usable = set.columns.filter((column) => set.arrays[column.key]);
  const usual = usualOf(set, usable, view.data.look.most);
  view.column = usable.find((column) => column.key === ways.by) ?? usable.find((column) => column.key === usual);
  if ([...find(".by").options].map((option) => option.value).join() !== usable.map((column) => column.key).join()) {
    find(".by").replaceChildren(...usable.map((column) => new Option(column.name, column.key)));
  }
  find(".by").value = view.column.key;
  const names = view.column.kind === "class" ? view.column.names : [];
  if (view.listed !== view.column) {
    view.listed = view.column;
    find("#names").replaceChildren(...names.slice(0, MOST_LISTED).map((name) => new Option(name)));
  }
  find(".find").hidden = !names.length;
  find("[data-turn=names]").hidden = !view.column.named;
  find("[data-turn=fade]").hidden = !set.arrays.error; // it is left out where nothing was measured
  find("[data-turn=density]").hidden = Boolean(set.arrays.z);
  view.only = new Set(ways.only[view.column.key] ?? []);
  showLegend(view, find);
  showState(view, find);
}

// Groups where there are more classes than colours.
function usualOf(set, usable, most) {
  const [classes, groups] = ["class", "group"].map((key) => usable.find((column) => column.key === key));
  return groups && tally(set, classes).order.length > most ? "group" : "class";
}

function showState(view, find) {
  const { ways } = view;
  for (const button of view.root.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(ways.mode === button.dataset.mode));
  }
  for (const button of view.root.querySelectorAll("[data-turn]")) {
    button.setAttribute("aria-pressed", String(Boolean(ways[button.dataset.turn])));
  }
  find(".over").classList.toggle("drawing", ways.mode !== "move");
}

function showLegend(view, find) {
  const { column, set, only } = view;
  const legend = find(".legend");
  legend.classList.toggle("some", only.size > 0);
  if (column.kind === "number") {
    legend.replaceChildren(rampOf(view));
    view.note = "";
    return view.say();
  }
  const { most } = view.data.look;
  const usual = placesOf(tally(set, column), new Set(), most);
  const places = placesOf(column, only, most);
  const codes = [...new Set([...usual.keys(), ...only])];
  const chips = codes.map((code) => {
    const { colour, shape } = styleOf(view.data.look, column, places.get(code) ?? usual.get(code));
    const chip = make("button", "", markOf(shape, colour), make("span", "", column.names[code]));
    chip.type = "button";
    chip.title = `${column.names[code]}: ${counted(column.sizes[code], "point")}`;
    chip.setAttribute("aria-pressed", String(only.has(code)));
    chip.onclick = () => {
      if (!only.delete(code) && only.size < most) only.add(code);
      view.ways.only[column.key] = [...only];
      const at = codes.indexOf(code);
      view.settled(true);
      legend.children[at]?.focus();
    };
    return chip;
  });
  legend.replaceChildren(...chips);
  const rest = column.order.length > usual.size && !only.size;
  view.note = rest ? `${usual.size} of ${column.order.length} are coloured; find others by name.` : "";
  return view.say();
}

function markOf(shape, colour) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "-6 -6 12 12");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("fill", colour);
  path.setAttribute("d", ["M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0", "M0-6 6 0 0 6-6 0Z", "M-4.5-4.5h9v9h-9Z"][shape]);
  svg.append(path);
  return svg;
}

function rampOf(view) {
  const [low, high] = rangeOf(view.set, view.column);
  const bar = make("div", "");
  const { ramp } = view.data.look;
  bar.style.background = `linear-gradient(to right, ${(view.dark ? ramp.dark : ramp.light).join(", ")})`;
  return make("div", "ramp", number(low), bar, number(high));
}
