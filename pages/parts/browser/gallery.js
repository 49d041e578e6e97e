// The selected points: their pictures, a page at a time, and how many there are of each class. A click on a picture
// chooses that point on the map. Names are set as text, never as HTML.

const shown = new WeakMap(); // the part's root -> what it shows

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".gallery");
  const find = (selector) => root.querySelector(selector);
  const about = JSON.stringify(data);
  if (shown.get(root) !== about) {
    shown.set(root, about);
    find(".title").textContent = data.title;
    find(".bars").replaceChildren(...data.bars.map((bar) => row(bar, data.bars[0])), ...rest(data.rest));
    showTiles(find(".tiles"), data);
  }
  find(".pages").hidden = data.pages < 2;
  find(".where").textContent = `Page ${data.page + 1} of ${data.pages.toLocaleString("en")}`;
  const turn = (button, to) => {
    button.disabled = to < 0 || to >= data.pages;
    button.onclick = () => setStateValue("page", { of: data.selection, number: to });
  };
  turn(find(".back"), data.page - 1);
  turn(find(".on"), data.page + 1);
}

function row({ name, count, all }, first) {
  const bar = make("div", "bar");
  bar.style.width = `${(100 * count) / first.count}%`;
  const label = make("span", "name", name);
  label.title = name;
  const words = `${count.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  return make("li", "", label, bar, make("span", "count", words));
}

function rest(words) {
  return words ? [make("li", "", make("span", "rest", words))] : [];
}

async function showTiles(group, data) {
  const tiles = data.tiles.map(({ point, name, said }) => {
    const picture = make("canvas", "");
    picture.width = picture.height = 128;
    picture.hidden = !data.sheet;
    const tile = make("button", "tile", picture, make("span", "", name));
    tile.type = "button";
    tile.title = said;
    tile.setAttribute("aria-label", said);
    tile.onclick = () => chooseOnMap(data, point);
    return tile;
  });
  group.replaceChildren(...tiles);
  stepped(group, tiles);
  if (!data.sheet) return;
  const { png, across, width, height } = data.sheet;
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  const pictures = await cut(bytes, across, width, height, tiles.keys());
  for (const [k, picture] of pictures) drawTile(tiles[k].firstChild.getContext("2d"), picture, 0, 0, 128);
}

// One of the tiles is a stop of the Tab key; the arrow keys go from there.
function stepped(group, tiles) {
  for (const [k, tile] of tiles.entries()) tile.tabIndex = k ? -1 : 0;
  group.onkeydown = (event) => {
    const at = tiles.indexOf(event.target);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const ends = { Home: 0, End: tiles.length - 1 };
    const next = tiles[ends[event.key] ?? at + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    tiles[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
}

function chooseOnMap(data, point) {
  for (const view of hub.views) {
    if (view.data.name !== data.map || view.set.of !== data.of) continue;
    view.choose(point);
    if (!view.inView(point)) view.goTo([point]);
  }
}
