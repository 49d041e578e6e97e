// What a search has found. A click on a picture searches with it. Names are set as text, never as HTML.

const shown = new WeakMap(); // the part's root -> what it shows

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".matches");
  const about = JSON.stringify(data);
  if (shown.get(root) === about) return;
  shown.set(root, about);
  root.setAttribute("aria-label", data.told);
  root.replaceChildren(...data.tiles.map((tile) => made(tile, setTriggerValue)));
}

function made(tile, send) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = `tile ${tile.state} ${tile.within === false ? "beyond" : ""}`;
  button.title = tile.said;
  button.setAttribute("aria-label", tile.said);
  const picture = document.createElement(tile.src ? "img" : "span");
  if (tile.src) [picture.src, picture.alt] = [tile.src, ""];
  else picture.className = "none";
  button.append(picture, line("name", tile.name), line("near", tile.near));
  button.onclick = () => send("chosen", tile.id);
  return button;
}

function line(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.dir = "auto";
  span.textContent = text;
  return span;
}
