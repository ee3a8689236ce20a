// What the page does as a whole: anchors open what they point into, and paper gets everything that is folded.

function reveal() {
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let inside = place; inside; inside = inside.parentElement) if (inside.tagName === "DETAILS") inside.open = true;
  if (place) place.scrollIntoView();
}

addEventListener("hashchange", reveal);
reveal();

for (const box of document.querySelectorAll("input[data-differences]")) {
  const table = document.getElementById(box.dataset.differences);
  const show = () => table.classList.toggle("differences", box.checked);
  box.addEventListener("change", show);
  show();
}

addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.printed:not([open])")) {
    folded.open = true;
    folded.dataset.reopened = "";
  }
});
addEventListener("afterprint", () => {
  for (const opened of document.querySelectorAll("details[data-reopened]")) {
    opened.open = false;
    delete opened.dataset.reopened;
  }
});
