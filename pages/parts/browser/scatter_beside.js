// Maps that are linked, and the card beside the pointer.

// The other maps on the page that are linked to this one, and the one of them that speaks to the server.
function beside(view) {
  return [...hub.views].filter((other) => other !== view && other.data.link === view.data.link && other.set.count);
}

function mainOf(view) {
  return view.data.main ? view : (beside(view).find((other) => other.data.main) ?? view);
}

// Maps side by side begin equally low.
function level() {
  for (const view of hub.views) {
    const bar = view.root.querySelector(".bar");
    const main = view.set?.count && mainOf(view);
    bar.style.minHeight = main && main !== view ? `${main.root.querySelector(".bar").offsetHeight}px` : "";
  }
}

// Beside the point that the pointer is at, whole on the map.
function placeTip(view, find) {
  const [tip, i] = [find(".tip"), view.hover];
  tip.hidden = i < 0;
  if (i < 0) return;
  const [x, y] = view.at(i);
  const picture = tip.querySelector("canvas");
  const pen = picture.getContext("2d");
  pen.clearRect(0, 0, picture.width, picture.height);
  picture.hidden = !view.set.pictured;
  drawTile(pen, view.set.tiles.get(i), 0, 0, picture.width);
  const { name, more } = known(view, i);
  tip.querySelector(".name").textContent = name;
  tip.querySelector(".more").textContent = more;
  const [w, h] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + 16 + w > view.width ? x - 16 - w : x + 16;
  const top = Math.min(Math.max(4, y - h / 2), view.height - h - 4);
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

// What is known of a point, in words.
function known(view, i) {
  const { columns, arrays } = view.set;
  const lines = [];
  let name = "";
  for (const column of columns) {
    const value = arrays[column.key][i];
    if (column.key === "class") name = column.names[value];
    else if (column.key === view.column.key || column.told) {
      lines.push(`${column.name}: ${column.kind === "class" ? (column.names[value] ?? "none") : number(value)}`);
    }
  }
  return { name, more: lines.join("\n") };
}
