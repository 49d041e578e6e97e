// What the parts of the Map page share in one browser tab: the points and pictures that were sent once, and the maps
// that are on the page. Every part is a module of its own, so what is shared hangs on the window.

const hub = (globalThis.siameseMaps ??= { sets: new Map(), views: new Set(), links: new Map() });
const MOST_SETS = 6;
const USUAL = { by: "", mode: "move", names: true, density: false, fade: false, words: "" };

// A set of points by its digest; what is not sent yet comes later, and `watchers` are told then.
function setOf(of) {
  if (!hub.sets.has(of)) {
    const kinds = { arrays: {}, columns: [], tiles: new Map(), kept: {}, asked: new Map(), watchers: new Set() };
    hub.sets.set(of, { of, count: 0, moves: 0, near: null, placed: [], own: "", ...kinds });
    for (const [key, old] of hub.sets) {
      if (hub.sets.size > MOST_SETS && key !== of && !old.watchers.size) hub.sets.delete(key);
    }
  }
  return hub.sets.get(of);
}

// What a reader has set for maps that are linked: colours, what dragging does, what is drawn over the points.
function settingsOf(link) {
  if (!hub.links.has(link)) hub.links.set(link, { ...USUAL, only: {} });
  return hub.links.get(link);
}

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

// 12345 -> "12,345"; the same words as the page's.
function counted(count, thing) {
  return `${count.toLocaleString("en")} ${count === 1 ? thing : `${thing}s`}`;
}

// Three significant digits.
function number(value) {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

// Draw the picture of a point, whole and crisp, into a square of a canvas; false while it is not here.
function drawTile(pen, tile, x, y, side) {
  if (!tile) return false;
  const scale = side / Math.max(tile.width, tile.height);
  const [width, height] = [tile.width * scale, tile.height * scale];
  pen.imageSmoothingEnabled = scale < 1;
  const [left, top] = [x + (side - width) / 2, y + (side - height) / 2];
  pen.drawImage(tile.sheet, tile.x, tile.y, tile.width, tile.height, left, top, width, height);
  return true;
}

// Cut a sheet of pictures: `which[k]` is the point whose picture is the k-th.
async function cut(png, across, width, height, which) {
  const sheet = await createImageBitmap(new Blob([png], { type: "image/png" }));
  const tile = (k) => ({ sheet, x: (k % across) * width, y: Math.floor(k / across) * height, width, height });
  return Array.from(which, (point, k) => [point, tile(k)]);
}
