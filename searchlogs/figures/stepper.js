(mark, frames) => {
  return (root) => {
    const make = (name, attributes, parent, text = "") => {
      const node = document.createElement(name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      node.textContent = text;
      parent.append(node);
      return node;
    };
    root.style.maxWidth = "860px";
    const bar = make("div", { style: "display: flex; gap: 8px; align-items: center" }, root);
    const back = make("button", { type: "button" }, bar, "Back");
    const next = make("button", { type: "button" }, bar, "Next");
    const last = frames.length - 1;
    const slider = make("input", { type: "range", min: 0, max: last, value: 0, "aria-label": "arrival", style: "flex: 1" }, bar);
    const words = make("p", { "aria-live": "polite", style: "min-height: 3em" }, root);
    const picture = make("img", { style: "width: 100%" }, root);
    const show = () => {
      const at = Number(slider.value);
      const [svg, text] = frames[at];
      picture.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      words.textContent = text;
      picture.alt = words.textContent;
      back.disabled = at === 0;
      next.disabled = at === last;
    };
    const move = (by) => { slider.value = Number(slider.value) + by; show(); };
    back.onclick = () => move(-1);
    next.onclick = () => move(1);
    slider.oninput = show;
    slider.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation(); // or JupyterLab takes it
      move(by);
    };
    show();
  };
}
