// The picture on Home: which pair is shown, and how the picture moves from one pair to the next.
// `data` holds the signs (their pictures and classes) and, once the network has seen them, `found`:
// their embeddings, the distances between all of them and the threshold. Everything is set as text,
// attributes or paths, never as HTML.

const MOVE = 700; // ms from one pair to the next
const shown = new WeakMap(); // what each mounted picture shows: {pair, turn, numbers, timer}

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".twin");
  if (!root) return;
  const mine = shown.get(root) ?? { pair: data.first, kind: "same", turn: { same: 0, different: 0 } };
  const fresh = !shown.has(root);
  shown.set(root, mine);

  root.querySelectorAll(".next").forEach((button) => {
    button.onclick = () => change(root, data, mine, nextPair(data, mine, button.dataset.kind));
  });
  ["a", "b"].forEach((side, i) => {
    root.querySelector(`.given.${side}`).onclick = () => {
      const pair = [...mine.pair];
      do pair[i] = (pair[i] + 1) % data.signs.length;
      while (pair[0] === pair[1]);
      change(root, data, mine, pair);
    };
  });
  draw(root, data, mine, fresh || calm() ? 0 : MOVE);
  return () => cancelAnimationFrame(mine.frame);
}

function nextPair(data, mine, kind) {
  const pairs = data[kind];
  mine.turn[kind] = (mine.turn[kind] + 1) % pairs.length;
  return pairs[mine.turn[kind]];
}

function change(root, data, mine, pair) {
  mine.pair = pair;
  root.classList.remove("going");
  void root.offsetWidth; // so that the animation begins again
  root.classList.add("going");
  draw(root, data, mine, calm() ? 0 : MOVE);
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function draw(root, data, mine, time) {
  const find = (selector) => root.querySelector(selector);
  const [i, j] = mine.pair;
  const same = data.signs[i].name === data.signs[j].name;
  ["a", "b"].forEach((side, k) => {
    const sign = data.signs[mine.pair[k]];
    const image = find(`.given.${side} img`);
    image.src = sign.picture;
    image.alt = `Picture ${side.toUpperCase()}: ${sign.name}, ${sign.hand}. Show another`;
    find(`.numbers.${side}`).setAttribute("aria-label", `The embedding of picture ${side.toUpperCase()} as bars`);
  });
  root.querySelectorAll(".next").forEach((button) => {
    button.setAttribute("aria-pressed", String((button.dataset.kind === "same") === same));
  });
  root.classList.toggle("empty", !data.found);
  if (!data.found) {
    find(".between").textContent = "";
    find(".verdict").textContent = "";
    find(".why").textContent = data.waiting;
    return;
  }
  const { embeddings, distances, threshold } = data.found;
  const size = embeddings[0].length;
  find(".between").textContent = `two embeddings of ${size} numbers`;
  find(".scale").style.setProperty("--threshold", threshold / data.found.top);
  find(".threshold").textContent = `threshold ${number(threshold)}`;
  find(".verdict").textContent = find(".why").textContent = ""; // until the numbers are there
  const to = [...embeddings[i], ...embeddings[j], distances[i][j]];
  move(mine, to, time, (now, ended) => {
    const at = now[2 * size];
    find(".a .bars").setAttribute("d", bars(now.slice(0, size), data.found.high));
    find(".b .bars").setAttribute("d", bars(now.slice(size, 2 * size), data.found.high));
    find(".scale").style.setProperty("--at", Math.min(1, at / data.found.top));
    find(".distance").textContent = number(at);
    if (ended) verdict(find, at, threshold, same);
  });
}

function verdict(find, distance, threshold, same) {
  const said = distance <= threshold;
  find(".verdict").textContent = said ? "Same class" : "Different classes";
  find(".verdict").className = `verdict ${said ? "same" : "different"}`;
  const side = said ? "Below" : "Above";
  const truth = same ? "both are of one class" : "they are of two classes";
  find(".why").textContent = `${side} the threshold. ${said === same ? "Right" : "Wrong"}: ${truth}.`;
}

// Go from the numbers shown to others, evenly over `time` ms.
function move(mine, to, time, paint) {
  cancelAnimationFrame(mine.frame);
  const from = mine.numbers ?? to.map(() => 0);
  const start = performance.now();
  const step = (now) => {
    const share = time ? Math.min(1, (now - start) / time) : 1;
    const eased = share * share * (3 - 2 * share);
    mine.numbers = to.map((value, k) => from[k] + (value - from[k]) * eased);
    paint(mine.numbers, share === 1);
    if (share < 1) mine.frame = requestAnimationFrame(step);
  };
  step(start);
}

// One bar a number, up or down from the middle, in a box of 100 x 100.
function bars(values, high) {
  const width = 100 / values.length;
  return values
    .map((value, k) => {
      const tall = -50 * Math.max(-1, Math.min(1, value / high));
      return `M${(k * width).toFixed(2)} 50h${(width * 0.7).toFixed(2)}v${tall.toFixed(2)}h${(-width * 0.7).toFixed(2)}z`;
    })
    .join("");
}

function number(value) {
  return String(Number(value.toPrecision(2)));
}
