// Lists that a reader searches: what has all the words that are typed stays.

for (const field of document.querySelectorAll("input[data-searches]")) {
  const list = document.getElementById(field.dataset.searches);
  const items = [...list.querySelectorAll(".item")].map((item) => [item, item.textContent.toLowerCase()]);
  const told = list.parentElement.querySelector(".found");
  const clear = list.parentElement.querySelector("input[name=clear]");
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [item, text] of items) {
      item.hidden = !words.every((word) => text.includes(word)) || (clear.checked && !item.matches(".clear"));
      count += !item.hidden;
    }
    told.textContent = `${count} of ${items.length}`;
  };
  field.addEventListener("input", search);
  clear.addEventListener("change", search);
  search();
}
