(name, script) => (mark, data) => {
  const fill = script(mark, data);
  for (const root of document.querySelectorAll(`[data-${name}="${mark}"]:not([data-on])`)) {
    root.dataset.on = "";
    root.replaceChildren(); // what stands there for where no script runs
    fill(root);
  }
}
