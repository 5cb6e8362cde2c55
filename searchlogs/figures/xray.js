(mark, data) => {
  const LINE = 20, HEAD = 30, LANE = 22, SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes, parent, text) => {
    const node = name === "svg" || parent?.namespaceURI === SVG
      ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent?.append(node);
    return node;
  };
  return (root) => {
    make("style", {}, root, `
      [data-xray="${mark}"] { font: 13px/${LINE}px var(--jp-ui-font-family, system-ui, sans-serif);
        max-width: 860px; --on: #d55e00; --mark: #009e73; color: inherit; outline-offset: 4px }
      [data-xray="${mark}"] .now { font-weight: 600; min-height: ${2 * LINE}px }
      [data-xray="${mark}"] .bar { display: flex; gap: 8px; align-items: center; margin-bottom: 8px }
      [data-xray="${mark}"] .bar input { flex: 1; min-width: 60px }
      [data-xray="${mark}"] button { font: inherit; min-width: 34px; cursor: pointer; color: inherit;
        background: none; border: 1px solid color-mix(in srgb, currentColor 35%, transparent);
        border-radius: 6px; padding: 3px 8px }
      [data-xray="${mark}"] .flow { position: relative }
      [data-xray="${mark}"] .flow svg { position: absolute; left: 0; top: 0 }
      [data-xray="${mark}"] .step { overflow: hidden }
      [data-xray="${mark}"] .step > div { white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
      [data-xray="${mark}"] .head { height: ${HEAD}px; line-height: ${HEAD}px }
      [data-xray="${mark}"] .head i { opacity: .65; margin-left: 8px; font-style: normal }
      [data-xray="${mark}"] .label { opacity: .65; margin-right: 6px }
      [data-xray="${mark}"] .given, [data-xray="${mark}"] .new { color: var(--on); font-weight: 600 }
      [data-xray="${mark}"] .kept { padding-left: 8px; border-left: 3px solid var(--mark) }
      [data-xray="${mark}"] .none { opacity: .55 }
      @media (prefers-color-scheme: dark) { [data-xray="${mark}"] { --on: #ff9a4d; --mark: #2fd0a5 } }`);
    root.tabIndex = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "X-ray of a flow; arrow keys step");
    const now = make("div", { class: "now", "aria-live": "polite" }, root);
    const bar = make("div", { class: "bar" }, root);
    const button = (text, label) => make("button", { type: "button", "aria-label": label }, bar, text);
    const back = button("←", "Back"), play = button("▶", "Play"), next = button("→", "Next");
    const last = data.titles.length - 1;
    const slider = make("input", { type: "range", min: 0, max: last, value: 0, "aria-label": "Item" }, bar);
    const flow = make("div", { class: "flow" }, root);
    const tops = [];
    let height = 0;
    for (const row of data.rows) {
      tops.push(height + HEAD / 2);
      height += HEAD + LINE * row.lines + 8;
    }
    const lanes = 1 + Math.max(...[...data.rows, ...data.edges].map(({ lane }) => lane));
    const width = LANE * lanes + 6;
    const svg = make("svg", { width, height, "aria-hidden": "true" }, flow);
    const lane = (number) => LANE / 2 + LANE * number;
    const x = (row) => lane(data.rows[row].lane);
    const paths = data.edges.map((edge) => {
      const [a, b, c, d, e] = [x(edge.start), tops[edge.start], x(edge.end), tops[edge.end], lane(edge.lane)];
      const bend = Math.min((d - b) / 2, 36) / 2;
      const route = `M${a} ${b}C${a} ${b + bend} ${e} ${b + bend} ${e} ${b + 2 * bend}`
        + `V${d - 2 * bend}C${e} ${d - bend} ${c} ${d - bend} ${c} ${d}`;
      return make("path", { d: route, fill: "none", stroke: "currentColor", "stroke-opacity": .3, "stroke-width": 2 }, svg);
    });
    const dots = data.rows.map((_, row) => make("circle", { cx: x(row), cy: tops[row], r: 6, fill: "currentColor" }, svg));
    const mover = make("circle", { r: 6, fill: "var(--on)", visibility: "hidden" }, svg);
    const steps = data.rows.map((row) => {
      const step = make("div", { class: "step", style: `height:${HEAD + LINE * row.lines + 8}px;margin-left:${width + 6}px` }, flow);
      const head = make("div", { class: "head" }, step);
      make("b", {}, head, row.name);
      if (row.kind !== row.name) make("i", {}, head, row.kind);
      return step;
    });
    let at = -1, shown = -1, run = 0, timer = 0;
    const fill = (row) => {
      while (steps[row].children.length > 1) steps[row].lastChild.remove();
      for (const [look, label, text, fresh] of data.frames[at][row]) {
        const line = make("div", { class: `${look}${fresh ? " new" : ""}`, title: text }, steps[row]);
        if (label) make("span", { class: "label" }, line, label);
        make("span", {}, line, text);
      }
    };
    const light = (number) => {
      paths[number].setAttribute("stroke", "var(--on)");
      paths[number].setAttribute("stroke-opacity", 1);
    };
    const travel = async (number, own) => {
      const path = paths[number], length = path.getTotalLength(), begin = performance.now();
      light(number);
      mover.setAttribute("visibility", "visible");
      for (let part = 0; part < 1 && own === run;) {
        await new Promise(requestAnimationFrame);
        part = Math.min(1, (performance.now() - begin) / 350);
        const { x: left, y: top } = path.getPointAtLength(part * length);
        mover.setAttribute("cx", left);
        mover.setAttribute("cy", top);
      }
      mover.setAttribute("visibility", "hidden");
    };
    const show = async (moment) => {
      const own = ++run, forwards = moment === at + 1 && at >= 0;
      if (forwards && shown !== at) steps.forEach((_, row) => fill(row)); // it was cut short
      at = moment;
      slider.value = at;
      back.disabled = at === 0;
      next.disabled = at === last;
      now.textContent = `${at + 1} of ${last + 1}: ${data.titles[at]}`;
      root.dataset.at = at;
      mover.setAttribute("visibility", "hidden");
      for (const path of paths) {
        path.setAttribute("stroke", "currentColor");
        path.setAttribute("stroke-opacity", .3);
      }
      const still = !forwards || matchMedia("(prefers-reduced-motion: reduce)").matches;
      for (let row = 0; row < steps.length; row++) {
        for (let number = 0; number < paths.length && own === run; number++) {
          if (data.edges[number].end !== row || !data.lit[at][number]) continue;
          if (still) light(number); else await travel(number, own);
        }
        if (own !== run) return;
        fill(row);
      }
      shown = at;
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "▶";
      play.setAttribute("aria-label", "Play");
    };
    const go = (moment) => { if (moment >= 0 && moment <= last) show(moment); };
    back.onclick = () => { stop(); go(at - 1); };
    next.onclick = () => { stop(); go(at + 1); };
    slider.oninput = () => { stop(); go(Number(slider.value)); };
    play.onclick = () => {
      if (timer) return stop();
      play.textContent = "❚❚";
      play.setAttribute("aria-label", "Pause");
      if (at === last) show(0); else go(at + 1);
      timer = setInterval(() => { if (at === last) stop(); else go(at + 1); }, 2200);
    };
    root.onkeydown = (event) => {
      // On the slider too, from which JupyterLab would take them.
      const updown = event.target === slider ? { ArrowDown: -1, ArrowUp: 1 } : {};
      const by = { ArrowLeft: -1, ArrowRight: 1, ...updown }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      stop();
      go(at + by);
    };
    show(0);
  };
}
