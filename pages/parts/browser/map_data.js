// Brings what the server sends to the maps on the page. It shows nothing itself. A message is: the length of a header
// (4 bytes), the header (JSON), and the arrays that the header describes. The same message may come again and again.

const TYPES = { f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };

export default function ({ data }) {
  if (data) take(...unpacked(data));
}

function unpacked(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const arrays = {};
  for (const { name, type, at, length } of head.arrays) {
    const start = 4 + size + at;
    arrays[name] = () => new TYPES[type](bytes.slice(start, start + length * TYPES[type].BYTES_PER_ELEMENT).buffer);
  }
  return [head, arrays];
}

async function take(head, arrays) {
  const set = setOf(head.of);
  if (head.kind === "points" && !set.count) {
    for (const name of Object.keys(arrays)) set.arrays[name] = arrays[name]();
    const columns = [...head.columns, ...set.columns]; // facts may have come first
    Object.assign(set, { count: head.count, columns, pictured: head.pictured });
  } else if (head.kind === "places") {
    if (head.step === set.step) return;
    set.step = head.step;
    set.next = Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values()]));
  } else if (head.kind === "facts") {
    const fresh = head.columns.filter((column) => !set.columns.some((known) => known.key === column.key));
    if (!fresh.length) return;
    for (const name of Object.keys(arrays)) set.arrays[name] = arrays[name]();
    set.columns = [...set.columns, ...fresh];
  } else if (head.kind === "own") {
    if (head.digest === set.own) return;
    set.own = head.digest;
    const mine = set.columns.filter((column) => column.mine);
    for (const column of mine) delete set.arrays[column.key];
    for (const name of Object.keys(arrays)) set.arrays[name] = arrays[name]();
    set.columns = [...set.columns.filter((column) => !column.mine), ...head.columns];
  } else if (head.kind === "pictures") {
    const which = arrays.which();
    if (which.every((point) => set.tiles.has(point))) return;
    const tiles = await cut(arrays.png(), head.across, head.width, head.height, which);
    for (const [point, tile] of tiles) set.tiles.set(point, tile);
  } else if (head.kind === "placed") {
    const { items, across, width, height } = head;
    if (JSON.stringify(items) === set.placedAs) return;
    set.placedAs = JSON.stringify(items);
    const tiles = arrays.png ? await cut(arrays.png(), across, width, height, items.keys()) : [];
    set.placed = items.map((item, k) => ({ ...item, tile: tiles[k]?.[1] }));
  } else if (head.kind === "near") {
    set.near = { chosen: head.chosen, points: head.points };
  } else return;
  for (const told of set.watchers) told(head.kind);
}
