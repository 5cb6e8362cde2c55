(mark, data) => {
  document.querySelectorAll(`[data-live_feed="${mark}"]:not([data-on])`).forEach((root) => {
    root.dataset.on = "";
    const above = [...document.querySelectorAll("[data-live]")].filter(
      (stage) => stage.compareDocumentPosition(root) & Node.DOCUMENT_POSITION_FOLLOWING);
    above.at(-1)?.receive?.(data);
  });
}
