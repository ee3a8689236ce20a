// A figure becomes SVG. Every text comes from data, and is set as text.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 15; // pixels between two labels
const LETTER = 6.7; // pixels of a letter of a label, about

function add(parent, name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

// What a line looks like: classes that the style sheet turns into colour and dashes.
const looks = (arm) => `arm ${arm.colour < 0 ? "control" : `colour-${arm.colour}`} dash-${arm.dash % 4}`;

// The lines that are shown, with the values that lie on the chosen axis.
function shownLines(figure, state) {
  return figure.panels[state.panel].lines
    .filter((line) => !state.hidden.has(line.arm))
    .map((line) => ({ ...line, arm: figure.arms[line.arm], place: line.arm, x: line.x[state.axis],
      runs: state.runs ? line.runs.map((run) => ({ ...run, x: run.x[state.axis] })) : [] }));
}

// A control that never spends anything is a line all across.
const isAcross = (line, axis) => axis.kind === "budget" && line.x.every((value) => value === line.x[0]);

// Returns the marks that the pointer finds: where they stand, and what is there.
function draw(svg, figure, state, width, height) {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.maxWidth = `${width}px`;
  const axis = figure.axes[state.axis];
  const lines = shownLines(figure, state);
  const names = lines.map((line) => line.arm.name);
  const label = Math.min(width * 0.34, 26 + LETTER * Math.max(0, ...names.map((name) => name.length)));
  const box = { left: 44, right: width - label, top: 12, bottom: height - 46 };
  if (!lines.length) {
    add(svg, "text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "All arms are switched off.");
    return [];
  }
  const x = horizontal(axis, lines.flatMap((line) => [line.x, ...line.runs.map((run) => run.x)]).flat(), box.left, box.right);
  const y = vertical(lines.flatMap((line) => [...line.y, ...line.runs.flatMap((run) => run.y),
    ...(state.bands ? [...line.low, ...line.high].filter((end) => end !== null) : [])]), box.top, box.bottom);
  drawAxes(svg, figure, axis, x, y, box);
  const shift = (place) => axis.kind === "lag" ? (place - (lines.length - 1) / 2) * Math.min(5, 40 / lines.length) : 0;
  const layers = ["bands", "runs", "lines", "labels"].map((name) => add(svg, "g", { class: name }));
  const marks = lines.flatMap((line, place) => drawLine(layers, line, axis, { x, y, box, shift: shift(place), bands: state.bands }));
  drawLabels(layers[3], lines, marks, box);
  return marks;
}

function drawAxes(svg, figure, axis, x, y, box) {
  const grid = add(svg, "g", { class: "grid" });
  for (const value of y.ticks) {
    add(grid, "line", { x1: box.left, x2: box.right, y1: y.at(value), y2: y.at(value) });
    add(grid, "text", { x: box.left - 6, y: y.at(value) + 4, "text-anchor": "end" }, short(value));
  }
  add(grid, "line", { class: "base", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom });
  for (const [value, text] of x.ticks) {
    add(grid, "line", { class: "tick", x1: x.at(value), x2: x.at(value), y1: box.bottom, y2: box.bottom + 4 });
    add(grid, "text", { x: x.at(value), y: box.bottom + 17, "text-anchor": "middle", class: "x-tick" }, text);
  }
  if (x.beside !== null) add(grid, "line", { class: "break", x1: x.beside, x2: x.beside, y1: box.top, y2: box.bottom + 6 });
  const half = axis.label.length * LETTER / 2;
  const middle = Math.max((box.left + (x.beside ?? box.right)) / 2, half);
  add(grid, "text", { x: middle, y: box.bottom + 36, "text-anchor": "middle", class: "x-label" }, axis.label);
}

function drawLine([bands, runs, through, labels], line, axis, { x, y, box, shift, bands: withBands }) {
  const style = { class: looks(line.arm), "data-arm": line.place };
  const across = isAcross(line, axis);
  const places = line.x.map((value) => value === null ? null : across ? box.right : x.at(value) + shift);
  for (const run of line.runs) {
    const at = across ? [box.left, box.right] : run.x.map((value) => value === null ? null : x.at(value) + shift);
    const heights = across ? at.map(() => run.y.at(-1)) : run.y;
    add(runs, "path", { ...style, d: path(at, heights.map(y.at), run.x) });
  }
  if (withBands) drawSpans(bands, line, axis, places, y, box, style, across);
  const heights = line.y.map(y.at);
  const d = across ? `M${box.left},${heights.at(-1)}H${box.right}` : path(places, heights, line.x);
  add(through, "path", { ...style, d });
  const group = add(through, "g", style);
  const marks = [];
  line.y.forEach((value, place) => {
    if (places[place] === null) return;
    if (!across) add(group, "path", { class: "mark", d: symbol(line.place, places[place], heights[place]) });
    marks.push({ line, place, name: line.arm.name, x: places[place], y: heights[place], across,
      at: line.x[place], text: `${line.text[place]} %`, seeds: line.seeds[place] });
  });
  for (const run of line.runs) {
    run.y.forEach((value, place) => {
      if (run.x[place] === null || across) return;
      marks.push({ line, run, place, name: `${line.arm.name}, ${run.name}`, x: x.at(run.x[place]) + shift, y: y.at(value),
        at: run.x[place], text: `${value.toFixed(1)} %` });
    });
  }
  return marks;
}

// Intervals: a band along a budget, and else bars, as such lines may go back.
function drawSpans(parent, line, axis, places, y, box, style, across) {
  const wide = line.low.map((low, place) => low !== null && line.high[place] !== null && places[place] !== null ? place : -1);
  const there = wide.filter((place) => place >= 0);
  if (axis.kind !== "budget") {
    for (const place of there) {
      add(parent, "line", { ...style, x1: places[place], x2: places[place], y1: y.at(line.low[place]), y2: y.at(line.high[place]) });
    }
  } else if (there.length) {
    const corners = (ends) => there.map((place) => `${places[place]},${y.at(ends[place])}`);
    const last = there.at(-1);
    const d = across
      ? `M${box.left},${y.at(line.low[last])}H${box.right}V${y.at(line.high[last])}H${box.left}Z`
      : `M${corners(line.low).join("L")}L${corners(line.high).reverse().join("L")}Z`;
    add(parent, "path", { ...style, d });
  }
}

// A line through numbers alone: a place beside the axis is not connected.
function path(places, heights, values) {
  let pen = "M";
  return places.map((place, i) => {
    if (place === null || typeof values[i] === "string") {
      pen = "M";
      return "";
    }
    const step = `${pen}${place.toFixed(1)},${heights[i].toFixed(1)}`;
    pen = "L";
    return step;
  }).join("");
}

function symbol(kind, x, y, r = 3.6) {
  const shapes = [
    `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    `M${x},${y - r * 1.3}L${x + r * 1.2},${y + r}H${x - r * 1.2}Z`,
    `M${x},${y - r * 1.4}L${x + r * 1.4},${y}L${x},${y + r * 1.4}L${x - r * 1.4},${y}Z`,
    `M${x},${y + r * 1.3}L${x + r * 1.2},${y - r}H${x - r * 1.2}Z`,
  ];
  return shapes[kind % shapes.length];
}

// Each line's name at its end, with a leader to it.
function drawLabels(parent, lines, marks, box) {
  const ends = lines.map((line) => marks.findLast((mark) => mark.line === line && !mark.run)).filter(Boolean);
  const heights = spreadOut(ends.map((mark) => mark.y), GAP, box.top + 4, box.bottom - 2);
  ends.forEach((mark, i) => {
    const style = { class: looks(mark.line.arm), "data-arm": mark.line.place };
    const from = mark.x + 5, to = box.right + 12;
    add(parent, "path", { ...style, d: `M${from},${mark.y}L${Math.max(from, box.right + 2)},${mark.y}L${to},${heights[i]}` });
    add(parent, "path", { class: `${style.class} mark`, "data-arm": mark.line.place, d: symbol(mark.line.place, to + 4, heights[i]) });
    const text = add(parent, "text", { x: to + 11, y: heights[i] + 4, "data-arm": mark.line.place }, mark.line.arm.name);
    const room = Math.floor((Number(parent.ownerSVGElement.viewBox.baseVal.width) - to - 11) / (LETTER - 0.2));
    if (mark.line.arm.name.length > room) text.textContent = `${mark.line.arm.name.slice(0, Math.max(1, room - 1))}…`;
  });
}
