// Numbers become places on an axis, and words.

const SUFFIXES = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

function short(number) {
  for (const [size, suffix] of SUFFIXES) {
    if (Math.abs(number) >= size) return `${Number((number / size).toPrecision(3))}${suffix}`;
  }
  return String(Number(number.toPrecision(3)));
}

// As exact as a reader may want it: whole numbers in full, as far as they are short.
function exact(number) {
  return Number.isInteger(number) && Math.abs(number) < 1e8 ? number.toLocaleString("en-US") : short(number);
}

function ticksBetween(low, high, wanted) {
  const rough = (high - low || 1) / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((one) => one >= rough * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(Number((n * step).toPrecision(12)));
  return found;
}

// Places from left to right, in pixels, for what stands on the x axis.
function horizontal(axis, values, left, right) {
  return axis.kind === "lag" ? byAge(values, left, right) : linear(values, left, right);
}

function linear(values, left, right) {
  const numbers = values.filter((value) => typeof value === "number");
  const low = Math.min(0, ...numbers), high = Math.max(...numbers, low + 1e-9);
  return {
    at: (value) => left + (right - left) * (value - low) / (high - low),
    ticks: ticksBetween(low, high, Math.max(2, Math.floor((right - left) / 90))).map((value) => [value, short(value)]),
    beside: null,
  };
}

// Zero, then a logarithmic axis; behind a break, the places that are no numbers.
function byAge(values, left, right) {
  const ages = [...new Set(values.filter((value) => typeof value === "number"))].sort((a, b) => a - b);
  const names = [...new Set(values.filter((value) => typeof value === "string"))];
  const share = ages.length ? (ages.length + 1) / (ages.length + 1 + names.length) : 0;
  const end = left + (right - left) * share;
  const most = Math.log2(1 + Math.max(1, ...ages));
  const inner = 24; // pixels to both sides, so that marks that stand beside each other have room
  const at = (value) => {
    if (typeof value === "string") return end + (right - end) * (names.indexOf(value) + 0.5) / names.length;
    return left + inner + (end - left - 2 * inner) * Math.log2(1 + value) / most;
  };
  const said = ages.map((age) => [age, age === 0 ? "0 (fresh)" : String(age)]);
  return { at, ticks: [...said, ...names.map((name) => [name, name])], beside: names.length && ages.length ? end : null };
}

function vertical(values, top, bottom) {
  const low = Math.min(...values), high = Math.max(...values);
  const room = Math.max(1, (high - low) * 0.06);
  const from = Math.max(0, low - room), to = Math.min(100, high + room);
  const [start, end] = from < to ? [from, to] : [from - 1, to + 1];
  return {
    at: (value) => bottom - (bottom - top) * (value - start) / (end - start),
    ticks: ticksBetween(start, end, Math.max(3, Math.floor((bottom - top) / 45))),
  };
}

// Heights for labels that want to stand at `wanted`, each `gap` apart from the next, within the picture.
function spreadOut(wanted, gap, top, bottom) {
  const order = wanted.map((_, place) => place).sort((a, b) => wanted[a] - wanted[b]);
  const space = Math.min(gap, (bottom - top) / Math.max(1, order.length - 1));
  const found = [...wanted];
  let least = top;
  for (const place of order) {
    found[place] = Math.max(found[place], least);
    least = found[place] + space;
  }
  let most = bottom;
  for (const place of order.reverse()) {
    found[place] = Math.min(found[place], most);
    most = found[place] - space;
  }
  return found;
}
