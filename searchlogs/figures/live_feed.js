(mark, data) => (root) => {
  const above = [...document.querySelectorAll("[data-live]")].filter(
    (stage) => stage.compareDocumentPosition(root) & Node.DOCUMENT_POSITION_FOLLOWING);
  above.at(-1)?.receive?.(data);
}
