// A figure to explore: arms on and off, another axis, single seeds, and the values under the pointer or the keys.

function make(parent, name, properties = {}, text = null) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

function explore(place) {
  const figure = JSON.parse(place.querySelector("script").textContent);
  const state = { panel: 0, axis: figure.panels[0].axis, hidden: new Set(), bands: true, runs: false };
  const stage = place.querySelector(".stage");
  const svg = add(stage, "svg", { role: "img", tabindex: "0" });
  const tip = make(stage, "div", { className: "tip", hidden: true });
  const said = make(stage, "p", { className: "said" });
  said.setAttribute("role", "status");
  let marks = [];

  function render() {
    // A chart that is not shown yet has no width.
    const width = Math.max(300, Math.min(stage.clientWidth || 700, 1150));
    const height = Math.round(Math.max(300, Math.min(430, width * 0.62)));
    marks = draw(svg, figure, state, width, height);
    svg.setAttribute("aria-label", described(figure, state, marks));
    point(null);
  }

  function point(mark, aloud = false) {
    svg.querySelector(".pointed")?.remove();
    tip.hidden = mark === null;
    emphasise(svg, mark?.line.place ?? null);
    if (mark === null) return;
    const lines = saying(figure, state, mark);
    tip.replaceChildren();
    lines.forEach((line, i) => make(tip, i ? "div" : "strong", {}, line));
    add(svg, "circle", { class: "pointed", cx: mark.x, cy: mark.y, r: 7 });
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const left = mark.x * scale + 12, room = stage.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, left > room ? Math.min(room, left - tip.offsetWidth - 24) : left)}px`;
    tip.style.top = `${Math.max(0, mark.y * scale - tip.offsetHeight - 8)}px`;
    if (aloud) said.textContent = lines.join(", ");
  }

  buildControls(place, figure, state, render);
  followPointer(svg, () => marks, point);
  followKeys(svg, () => marks, point);
  new ResizeObserver(render).observe(stage);
  render();
}

// What a reader who sees no picture is told: the picture's real content.
function described(figure, state, marks) {
  const last = new Map();
  for (const mark of marks) if (!mark.run) last.set(mark.name, mark);
  const ends = [...last].map(([name, mark]) => `${name} ${mark.text}${mark.across ? " throughout" : ` at ${inWords(mark.at)}`}`);
  const panel = figure.panels.length > 1 ? `, ${figure.panels[state.panel].name}` : "";
  return `${figure.title}${panel}: ${figure.y} against ${figure.axes[state.axis].label}. `
    + `Where the lines end: ${ends.join("; ")}. The arrow keys read out the points; a table follows the figure.`;
}

const inWords = (value) => typeof value === "number" ? exact(value) : value;

// The lines of the box beside a mark.
function saying(figure, state, mark) {
  const axis = figure.axes[state.axis];
  const seeds = mark.run ? "" : ` (${mark.seeds} ${mark.seeds === 1 ? "seed" : "seeds"})`;
  const where = mark.across ? "never trained" : typeof mark.at === "string" ? mark.at : `${axis.label}: ${exact(mark.at)}`;
  return [`${mark.name}${seeds}`, `${figure.y.replace(/, %$/, "")}: ${mark.text}`, where];
}

function emphasise(svg, place) {
  svg.classList.toggle("one-line", place !== null);
  for (const part of svg.querySelectorAll("[data-arm]")) part.classList.toggle("chosen", Number(part.dataset.arm) === place);
}

function buildControls(place, figure, state, render) {
  const controls = place.querySelector(".controls");
  if (figure.panels.length > 1) {
    choice(controls, "regime", figure.panels.map((panel) => panel.name), state.panel, (chosen) => {
      const kept = figure.panels[state.panel].axis !== state.axis;
      state.panel = chosen;
      if (!kept) state.axis = figure.panels[chosen].axis;
      render();
    });
  }
  if (figure.axes.length > 1) {
    choice(controls, "x axis", figure.axes.map((axis) => axis.label), state.axis, (chosen) => {
      state.axis = chosen;
      render();
    });
  }
  const switches = [["bands", "95 % intervals"]];
  if (figure.panels.some((panel) => panel.lines.some((line) => line.runs.length))) switches.push(["runs", "single seeds"]);
  for (const [key, text] of switches) {
    const label = make(controls, "label");
    const box = make(label, "input", { type: "checkbox", checked: state[key] });
    label.append(` ${text}`);
    box.addEventListener("change", () => {
      state[key] = box.checked;
      render();
    });
  }
  buildSwitches(place.querySelector(".arms"), figure, state, render);
}

function choice(parent, name, texts, chosen, changed) {
  const label = make(parent, "label", {}, `${name} `);
  const select = make(label, "select", { name });
  texts.forEach((text, value) => make(select, "option", { value, selected: value === chosen }, text));
  select.addEventListener("change", () => changed(Number(select.value)));
}

// A button an arm, which is also the key to its line's looks.
function buildSwitches(parent, figure, state, render) {
  const svg = parent.closest(".explorer").querySelector("svg");
  const buttons = figure.arms.map((arm, place) => {
    const button = make(parent, "button", { type: "button", className: "switch" });
    const swatch = add(button, "svg", { class: looks(arm), viewBox: "0 0 26 12", width: 26, height: 12, "aria-hidden": "true" });
    add(swatch, "path", { d: "M0,6H26" });
    add(swatch, "path", { class: "mark", d: symbol(place, 13, 6) });
    make(button, "span", {}, arm.name);
    button.addEventListener("click", () => set(state.hidden.has(place) ? (state.hidden.delete(place), state.hidden) : state.hidden.add(place)));
    button.addEventListener("pointerenter", () => emphasise(svg, place));
    button.addEventListener("pointerleave", () => emphasise(svg, null));
    return button;
  });
  function set(hidden) {
    state.hidden = hidden;
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(!hidden.has(place))));
    render();
  }
  const every = figure.arms.map((_, place) => place);
  for (const [text, hidden] of [["all", []], ["none", every]]) {
    const button = make(parent, "button", { type: "button", className: "plain" }, text);
    button.addEventListener("click", () => set(new Set(hidden)));
  }
  buttons.forEach((button) => button.setAttribute("aria-pressed", "true"));
}

function followPointer(svg, marks, point) {
  const reach = 45;
  const follow = (event) => {
    const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
    const x = (event.clientX - box.left) / scale, y = (event.clientY - box.top) / scale;
    // A line all across is as near as its height is.
    const away = (mark) => Math.hypot(mark.across && x < mark.x ? 0 : mark.x - x, mark.y - y);
    const nearest = marks().reduce((best, mark) => best === null || away(mark) < away(best) ? mark : best, null);
    point(nearest && away(nearest) < reach ? nearest : null);
  };
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", () => point(null));
}

// Left and right along a line, up and down to the next one.
function followKeys(svg, marks, point) {
  let line = 0, place = 0;
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return point(null);
    const means = marks().filter((mark) => !mark.run);
    const lines = [...new Set(means.map((mark) => mark.line))];
    const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] };
    if (!(event.key in steps) || !lines.length) return undefined;
    event.preventDefault();
    const [down, along] = svg.querySelector(".pointed") ? steps[event.key] : [0, 0];
    line = (line + down + lines.length) % lines.length;
    const own = means.filter((mark) => mark.line === lines[line]);
    place = Math.max(0, Math.min(own.length - 1, place + along));
    return point(own[place], true);
  });
  svg.addEventListener("blur", () => point(null));
}

for (const place of document.querySelectorAll(".explorer")) explore(place);
