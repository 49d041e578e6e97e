// The controls around the map, the legend, the search, and the beginning of it all.

const SVG = "http://www.w3.org/2000/svg";
const MOST_LISTED = 500; // names that the search offers

const data = JSON.parse(document.getElementById("data").textContent);
const view = newView(document.querySelector(".map"), data);
globalThis.siameseMap = view; // for whoever looks into this page with the browser's tools
view.find(".by").replaceChildren(...view.set.columns.map((column) => new Option(column.name, column.key)));
view.find(".by").onchange = (event) => colourBy(event.target.value);
view.find(".find").oninput = search;
view.find(".find").onkeydown = (event) => event.key === "Enter" && goToFound();
view.find(".in").onclick = () => view.lookFrom(zoomed(view.camera, 1.4));
view.find(".out").onclick = () => view.lookFrom(zoomed(view.camera, 1 / 1.4));
view.find(".reset").onclick = () => view.reset();
view.find(".all").onclick = () => showOnly([]);
view.find(".theme").onclick = () => {
  document.documentElement.dataset.theme = view.dark ? "light" : "dark";
  dress();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
handle(view, view.find(".over"));
view.root.hidden = false;
if (data.picture) {
  const sheet = new Image();
  sheet.onload = () => {
    view.sheet = sheet;
    view.redraw();
  };
  sheet.src = `data:image/png;base64,${data.picture.png}`;
}
view.measure();
dress();
colourBy(data.by);

function dress() {
  view.dress();
  view.find(".theme").textContent = view.dark ? "Light" : "Dark";
  showLegend();
}

function colourBy(key) {
  view.column = view.set.columns.find((column) => column.key === key);
  view.find(".by").value = key;
  view.find(".find").value = view.words = "";
  const names = view.column.names ?? [];
  view.find("#names").replaceChildren(...names.slice(0, MOST_LISTED).map((name) => new Option(name)));
  view.find(".search").hidden = !names.length;
  showOnly([]);
}

function showOnly(codes) {
  view.only = new Set(codes);
  view.find(".all").hidden = !codes.length;
  view.recolour();
  showLegend();
}

// Codes of the classes whose name holds the words; capitals do not matter.
function named(view) {
  const wanted = view.words.trim().toLowerCase();
  if (!wanted || !view.column.names) return [];
  const exact = view.column.names.findIndex((name) => name.toLowerCase() === wanted);
  if (exact >= 0) return [exact];
  return view.column.names.flatMap((name, code) => (name.toLowerCase().includes(wanted) ? [code] : []));
}

// One byte a point, 1 for those that are found; null while nothing is looked for.
function litBy(view) {
  if (!view.words.trim()) return null;
  const wanted = new Set(named(view));
  return Uint8Array.from(view.set.arrays[view.column.key], (code) => (wanted.has(code) ? 1 : 0));
}

function search() {
  view.words = view.find(".find").value;
  view.recolour();
  const codes = named(view);
  if (!view.words.trim()) return say();
  const few = codes.slice(0, 3).map((code) => view.column.names[code]).join(", ");
  const more = codes.length > 3 ? `, and ${(codes.length - 3).toLocaleString("en")} more` : "";
  view.find(".said").textContent = codes.length ? `Found: ${few}${more}.` : `Nothing here is called “${view.words.trim()}”.`;
  return null;
}

// Go to what was found; of more classes than colours, it gets one.
function goToFound() {
  const codes = new Set(named(view));
  const values = view.set.arrays[view.column.key];
  view.goTo([...view.set.arrays.ids.keys()].filter((i) => codes.has(values[i])));
  if (codes.size === 1 && !placesOf(tally(view.set, view.column), view.only, data.look.most).has([...codes][0])) {
    showOnly([...view.only, ...codes]);
  }
}

function showLegend() {
  const { column, set, only } = view;
  const legend = view.find(".legend");
  legend.classList.toggle("some", only.size > 0);
  if (column.kind === "number") legend.replaceChildren(...ramp());
  else {
    const usual = placesOf(tally(set, column), new Set(), data.look.most);
    const places = placesOf(column, only, data.look.most);
    const codes = [...new Set([...usual.keys(), ...only])];
    legend.replaceChildren(...codes.map((code) => chipOf(code, places.get(code) ?? usual.get(code), codes)));
  }
  say();
}

function chipOf(code, place, codes) {
  const { column, only } = view;
  const { colour, shape } = styleOf(data.look, column, place);
  const [chip, name] = [document.createElement("button"), document.createElement("span")];
  name.textContent = column.names[code];
  name.dir = "auto";
  chip.append(markOf(shape, colour), name);
  chip.type = "button";
  chip.title = `${column.names[code]}: ${counted(column.sizes[code])}`;
  chip.setAttribute("aria-pressed", String(only.has(code)));
  chip.onclick = () => {
    showOnly(only.has(code) ? [...only].filter((one) => one !== code) : [...only, code].slice(0, data.look.most));
    view.find(".legend").children[codes.indexOf(code)]?.focus();
  };
  return chip;
}

function markOf(shape, colour) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS(SVG, tag));
  svg.setAttribute("viewBox", "-6 -6 12 12");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("fill", colour);
  path.setAttribute("d", ["M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0", "M0-6 6 0 0 6-6 0Z", "M-4.5-4.5h9v9h-9Z"][shape]);
  svg.append(path);
  return svg;
}

// From the lowest number's colour to the highest's.
function ramp() {
  const bar = document.createElement("canvas");
  [bar.width, bar.height] = [180, 1];
  const pen = bar.getContext("2d");
  for (let k = 0; k < 180; k++) {
    pen.fillStyle = `rgb(${mixed(view.dark ? data.look.ramp.dark : data.look.ramp.light, k / 179).join(",")})`;
    pen.fillRect(k, 0, 1, 1);
  }
  const box = document.createElement("div");
  box.className = "ramp";
  const [low, high] = rangeOf(view.set, view.column).map((value) => String(Number(value.toPrecision(3))));
  box.append(low, bar, high);
  return [box];
}

function say() {
  const { column, only, set } = view;
  const there = column.order?.length ?? 0;
  const words = [`${counted(set.count)}.`];
  if (only.size) words.push(`${only.size} of ${there} shown.`);
  else if (there > data.look.most) words.push(`${data.look.most} of ${there} are coloured; find others by name.`);
  if (view.plain) words.push("Drawn without WebGL, which is slower: this browser has it switched off.");
  view.find(".said").textContent = words.join(" ");
}

function counted(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "point" : "points"}`;
}
