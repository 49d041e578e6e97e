// A one-shot task as a picture. Classes stand in a row above their queries, or, where the page is too narrow for
// that, in a column to the left of them. Whatever people typed is set as text, never as HTML.

const STEP = 46; // the least room for a class or a query, in pixels
const SHEET = 84; // the largest sheet
const TOP = 6; // above the classes, for the edges of a pile
const VERDICT = 62; // room for the words beside a query, upright
const ARROWS = 100; // how long an arrow is
const SVG = "http://www.w3.org/2000/svg";

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".episode");
  root.leave?.();
  const board = root.querySelector(".board");
  const svg = root.querySelector(".arrows");
  const answer = root.querySelector(".answer");
  for (const old of board.querySelectorAll(".tile")) old.remove();
  board.setAttribute("aria-label", data.alt);

  const classes = data.classes.map((c) => classTile(data, c));
  // those that are none of the classes stand last
  const middle = (q) => (q.to.length ? q.to.reduce((a, b) => a + b, 0) / q.to.length : data.classes.length);
  const queries = data.queries.slice().sort((a, b) => middle(a) - middle(b) || a.number - b.number);
  const tiles = queries.map((q) => queryTile(data, q));
  board.append(...classes, ...tiles);

  let arrows = [];
  let chosen = Math.max(0, queries.findIndex((q) => q.state === "wrong" || q.state === "tie"));

  const mark = (i, looking) => {
    board.classList.toggle("looking", looking);
    tiles.forEach((t, k) => t.classList.toggle("chosen", k === i));
    arrows.forEach((a, k) => a.classList.toggle("on", k === i));
    const q = queries[i];
    classes.forEach((c, way) => {
      const given = Boolean(q && q.to.includes(way));
      const truth = Boolean(q && q.truth === way && !given);
      c.classList.toggle("given", given);
      c.classList.toggle("truth", truth);
      if (q) c.style.setProperty("--ring", truth ? data.colours.right : data.colours[q.state]);
    });
    showAnswer(data, q, answer);
  };
  const choose = (i) => {
    chosen = i;
    tiles.forEach((t, k) => (t.tabIndex = k === i ? 0 : -1));
    mark(i, false);
  };
  const lookAtClass = (way) => {
    board.classList.add("looking");
    arrows.forEach((a, k) => a.classList.toggle("on", queries[k].to.includes(way)));
  };

  tiles.forEach((tile, i) => {
    tile.onclick = () => choose(i);
    tile.onfocus = () => choose(i);
    tile.onpointerenter = () => mark(i, true);
    tile.onpointerleave = () => mark(chosen, false);
    tile.onkeydown = (event) => {
      const to = { ArrowLeft: i - 1, ArrowUp: i - 1, ArrowRight: i + 1, ArrowDown: i + 1, Home: 0, End: tiles.length - 1 };
      const next = tiles[to[event.key]];
      if (!next) return;
      event.preventDefault();
      next.focus();
    };
  });
  classes.forEach((tile, way) => {
    tile.onpointerenter = () => lookAtClass(way);
    tile.onpointerleave = () => mark(chosen, false);
  });

  const draw = () => {
    if (!board.clientWidth) return;
    arrows = layOut(board, svg, data, classes, queries, tiles);
    mark(chosen, false);
  };
  const watch = new ResizeObserver(draw);
  watch.observe(root);
  root.leave = () => watch.disconnect();
  draw();
  if (tiles.length) choose(chosen);
  else answer.replaceChildren();
  return root.leave;
}

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

function sheet(url, alt) {
  const picture = make("img", "");
  picture.src = url;
  picture.alt = alt;
  return make("span", "sheet", picture);
}

// A name: its group on a line of its own where it has one; the rest may break between letters and digits.
function words(lines) {
  const name = lines.at(-1).replace(/(\p{L})(?=\d)|(_)/gu, "$&\u200b");
  return make("span", "words", ...lines.slice(0, -1).map((group) => make("span", "group", group)), name);
}

function classTile(data, c) {
  const tile = make("figure", "tile class", sheet(data.pictures[c.picture], ""), words(c.lines));
  tile.title = c.name;
  if (c.shots > 1) {
    tile.firstChild.classList.add("many");
    tile.firstChild.append(make("span", "more", `+${c.shots - 1}`));
  }
  return tile;
}

function queryTile(data, q) {
  const name = (way) => data.classes[way].lines.at(-1);
  const under = {
    right: () => "right",
    wrong: () => (q.truth === null ? "wrong" : `is ${name(q.truth)}`),
    tie: () => "tie",
    unknown: () => name(q.to[0]),
    none: () => "none of these",
  }[q.state]();
  const lines = q.refused && q.state !== "none" ? ["none of these", under] : [under];
  const tile = make("button", `tile query ${q.state}`, sheet(data.pictures[q.picture], ""), words(lines));
  tile.type = "button";
  tile.tabIndex = -1;
  if (data.queries.length > 1) tile.firstChild.append(make("span", "which", q.number)); // they stand by their classes
  tile.setAttribute("aria-label", q.said);
  return tile;
}

// Puts every tile in its place and draws the arrows; returns each query's arrow. `along` is the direction in which
// classes are lined up, `across` the direction in which arrows go.
function layOut(board, svg, data, classes, queries, tiles) {
  const width = board.clientWidth;
  const upright = classes.length * STEP > width;
  const beside = Math.min(150, width * 0.26); // room for words beside a class, upright
  const most = Math.max(classes.length, Math.min(queries.length, 20));
  const length = upright ? most * STEP : Math.min(width, most * 150);
  const start = upright ? 0 : (width - length) / 2;
  const lanes = Math.max(1, Math.ceil(queries.length / Math.floor(length / STEP)));
  const perLane = Math.max(1, Math.ceil(queries.length / lanes));
  const step = [length / classes.length, length / (perLane + (lanes > 1 ? 0.5 : 0))];
  const size = step.map((s) => Math.round(Math.min(SHEET, s - 9)));
  const room = [beside, VERDICT];
  board.classList.toggle("upright", upright);
  [classes, tiles].forEach((kind, k) =>
    kind.forEach((tile) => {
      tile.classList.toggle("small", step[k] < 80);
      tile.style.width = `${upright ? size[k] + 8 + room[k] : step[k] - 4}px`;
      tile.firstChild.style.width = tile.firstChild.style.height = `${size[k]}px`;
    }),
  );
  const [names, verdicts] = [classes, tiles].map((kind) => Math.max(0, ...kind.map((t) => t.lastChild.offsetHeight)));
  const classEnd = upright ? beside + 8 + size[0] + 8 : TOP + size[0] + 4 + names + 6;
  const lane = size[1] + (upright ? 8 + VERDICT + 8 : 4 + verdicts + 10);
  const first = upright ? Math.max(classEnd + 60, Math.min(classEnd + 260, width - lanes * lane)) : classEnd + ARROWS;
  board.style.height = `${upright ? length : queries.length ? first + lanes * lane : classEnd}px`;

  const put = (tile, k, along, across) => {
    tile.style.left = `${upright ? across : along - (step[k] - 4) / 2}px`;
    tile.style.top = `${upright ? along - size[k] / 2 : across}px`;
  };
  const centre = classes.map((_, i) => start + (i + 0.5) * step[0]);
  classes.forEach((tile, i) => put(tile, 0, centre[i], upright ? 0 : TOP));
  const from = tiles.map((tile, j) => {
    const which = j % lanes; // further lanes stand half a step aside, so that their arrows pass between the first's
    const along = start + (Math.floor(j / lanes) + 0.5 + (which % 2) * 0.5) * step[1];
    put(tile, 1, along, first + which * lane);
    return [along, first + which * lane];
  });
  return drawArrows(svg, data, queries, from, centre, { upright, classEnd, first, size: size[0] });
}

function drawArrows(svg, data, queries, from, centre, { upright, classEnd, first, size }) {
  const at = (along, across) => (upright ? `${across} ${along}` : `${along} ${across}`);
  const curve = (along, across, to, end) => {
    const half = (first + end) / 2;
    return `M ${at(along, across - 4)} L ${at(along, first - 4)} C ${at(along, half)} ${at(to, half)} ${at(to, end)}`;
  };
  const coming = centre.map(() => 0);
  for (const q of queries) for (const way of q.to) coming[way]++;
  const gone = centre.map(() => 0);
  svg.replaceChildren();
  return queries.map((q, j) => {
    const arrow = document.createElementNS(SVG, "g");
    arrow.setAttribute("class", `arrow ${q.state}`);
    const add = (name, d, paint, colour) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      path.setAttribute("d", d);
      path.setAttribute(paint, colour);
      arrow.append(path);
    };
    const colour = data.colours[q.state];
    for (const way of q.to) {
      const apart = Math.min(10, (size - 8) / Math.max(1, coming[way] - 1));
      const to = centre[way] + (gone[way]++ - (coming[way] - 1) / 2) * apart;
      add("line", curve(from[j][0], from[j][1], to, classEnd + 6), "stroke", colour);
      const tip = [at(to, classEnd), at(to - 4.5, classEnd + 9), at(to + 4.5, classEnd + 9)];
      add("head", `M ${tip.join(" L ")} Z`, "fill", colour);
    }
    if (q.truth !== null && !q.to.includes(q.truth)) {
      add("to-truth", curve(from[j][0], from[j][1], centre[q.truth], classEnd + 2), "stroke", data.colours.right);
    }
    svg.append(arrow);
    return arrow;
  });
}

// The nearest classes of one query, with their distances.
function showAnswer(data, q, answer) {
  if (!q || answer.of === q) return;
  answer.of = q;
  const farthest = Math.max(...q.ranked.map((r) => r.distance));
  const nearest = Math.min(0, ...q.ranked.map((r) => r.distance));
  const items = q.ranked.map((r) => {
    const c = data.classes[r.way];
    const bar = make("div", "bar");
    bar.style.width = `${(100 * (r.distance - nearest)) / (farthest - nearest || 1)}%`;
    const name = words(c.lines);
    if (r.rank > q.ranked.indexOf(r) + 1) name.prepend(`${r.rank}. `);
    name.title = c.name;
    const text = make("div", "text", name, make("div", "number", r.number), bar);
    return make("li", r.way === q.truth ? "truth" : "", sheet(data.pictures[r.picture], ""), text);
  });
  answer.replaceChildren(make("p", `said ${q.state}`, q.said), make("ol", "ranked", ...items));
}
