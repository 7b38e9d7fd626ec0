// The pages are complete without this: it filters, copies, and opens what paper cannot unfold.
(() => {
  const every = (selector, root = document) => [...root.querySelectorAll(selector)];

  const show = (card, words) => {
    const items = every("[data-item]", card);
    const holds = (text) => words.every((word) => text.includes(word));
    const hits = items.filter((item) => holds(item.dataset.item));
    const active = words.length > 0;
    card.hidden = active && !hits.length && !holds(card.dataset.card);
    items.forEach((item) => { item.hidden = active && hits.length > 0 && !hits.includes(item); });
    every("details", card).forEach((part) => { part.open = active && hits.length > 0; });
    return { shown: !card.hidden, hits: active ? hits.length : items.length, items: items.length };
  };

  const filter = document.querySelector("[data-filter]");
  if (filter) {
    const input = filter.querySelector("input");
    const cards = every("[data-card]");
    const run = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const results = cards.map((card) => show(card, words));
      const sum = (key) => results.reduce((total, result) => total + Number(result[key]), 0);
      const tables = cards.length > 1 ? `${sum("shown")} of ${cards.length} tables, ` : "";
      filter.querySelector("[role=status]").textContent = `${tables}${sum("hits")} of ${sum("items")} columns`;
      every("[data-group]").forEach((group) => {
        const inside = every("[data-card]", group);
        group.hidden = inside.length > 0 && inside.every((card) => card.hidden);
      });
    };
    filter.hidden = false;
    input.addEventListener("input", run);
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && document.activeElement !== input && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        input.focus();
      }
    });
    run();
  }

  if (navigator.clipboard) {
    every(".copyable").forEach((box) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("code").textContent);
        button.textContent = "Copied";
      });
      box.append(button);
    });
  }

  window.addEventListener("beforeprint", () => every("details").forEach((part) => { part.open = true; }));
})();
