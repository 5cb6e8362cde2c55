(name, mark, fill) => {
  for (const root of document.querySelectorAll(`[data-${name}="${mark}"]:not([data-on])`)) {
    root.dataset.on = "";
    root.replaceChildren(); // the picture for where no script runs
    fill(root);
  }
}
