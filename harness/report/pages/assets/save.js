// Files that the page makes of what it holds, without any network.

const saves = document.getElementById("saves");

// A cell of CSV; a text that a spreadsheet would run as a formula is quoted as one.
function cell(value) {
  if (value === null) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const asCsv = (rows) => `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;

// A line a run and validation, in every unit.
function curves() {
  const figure = JSON.parse(document.querySelector("#curves script").textContent);
  const rows = [["regime", "objective", "run", ...figure.axes.map((axis) => axis.label), figure.y]];
  for (const panel of figure.panels) {
    for (const line of panel.lines) {
      for (const run of [{ name: "mean", x: line.x, y: line.y }, ...line.runs]) {
        run.y.forEach((y, i) => rows.push([panel.name, figure.arms[line.arm].name, run.name, ...run.x.map((axis) => axis[i]), y]));
      }
    }
  }
  return asCsv(rows);
}

// A line a run and test problem: how many of its samples were correct. Counts are packed as characters from "0" on.
function verdicts({ problems, runs }) {
  const rows = [["regime", "objective", "seed", "run_id", "problem", "correct", "samples"]];
  const number = (text, place) => text.charCodeAt(place) - 48;
  for (const { about, set, correct } of runs) {
    const { ids, samples } = problems[set];
    ids.forEach((id, place) => rows.push([...about, id, number(correct, place), number(samples, place)]));
  }
  return asCsv(rows);
}

const made = { text: ({ text }) => text, curves, verdicts };

for (const button of document.querySelectorAll("button.save")) {
  button.addEventListener("click", () => {
    const content = JSON.parse(saves.textContent)[button.dataset.file];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([made[content.kind](content)], { type: "text/csv;charset=utf-8" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
