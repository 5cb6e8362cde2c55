(mark, data) => {
  // Events are [user, kind, microseconds, query id, item or items, label], by arrival; ids are
  // numbers, and -1 where there is none. The rules are those of `sessions` and `metrics`.
  const [OPEN, SEARCH, RESULTS, CLICK] = [0, 1, 2, 3], NONE = -1;
  const cut = (gap, wait) => {
    const newest = new Map(), kept = new Map(), late = [];
    for (const event of data.events) {
      const [user, , time] = event;
      newest.set(user, Math.max(newest.get(user) ?? -Infinity, time));
      if (time < newest.get(user) - wait) late.push(event);
      else kept.set(user, [...(kept.get(user) ?? []), event]);
    }
    const sessions = [];
    for (const [user, own] of kept) {
      let session = null;
      for (const event of own.sort((a, b) => a[2] - b[2])) {
        if (session && event[2] - session.end <= gap) session.events.push(event);
        else sessions.push((session = { user, start: event[2], events: [event] }));
        session.end = event[2];
      }
    }
    return { sessions, late };
  };
  const attribute = ({ events }) => {
    const searches = [], records = [], others = [];
    for (const event of events) {
      const [, kind, , id] = event;
      if (kind === SEARCH) {
        let search = id === NONE ? undefined : searches.find((one) => one.id === id);
        if (!search) searches.push((search = { id, items: null, clicks: 0 }));
        records.push(search);
      } else if (kind !== OPEN) others.push([event, records.length]);
    }
    const named = ([, , , id]) => (id === NONE ? undefined : searches.find((one) => one.id === id));
    const latest = ([, , , id], earlier, fits) => records.slice(0, earlier)
      .findLast((one) => (id === NONE || one.id === NONE) && fits(one));
    for (const [event, earlier] of others) {
      if (event[1] !== RESULTS) continue;
      const owner = named(event) ?? latest(event, earlier, () => true);
      if (owner) owner.items = [...(owner.items ?? []), ...event[4]];
    }
    let orphans = 0;
    for (const [event, earlier] of others) {
      if (event[1] !== CLICK) continue;
      const owner = named(event) ?? latest(event, earlier, (one) => one.items?.includes(event[4]))
        ?? latest(event, earlier, (one) => one.items === null);
      if (owner) owner.clicks++;
      else orphans++;
    }
    return { searches: searches.length, clicked: searches.filter((one) => one.clicks).length, orphans };
  };
  const count = (gap, wait) => {
    const { sessions, late } = cut(gap, wait);
    const sums = { searches: 0, clicked: 0, orphans: 0 };
    for (const session of sessions) {
      session.counts = attribute(session);
      for (const key in sums) sums[key] += session.counts[key];
    }
    return { sessions, late, ...sums, ctr: sums.searches ? sums.clicked / sums.searches : null };
  };

  const SVG = "http://www.w3.org/2000/svg", SECOND = 1e6;
  const WIDE = 860, LEFT = 70, RIGHT = 20, BARS = 120, CURVE = 90, ROW = 30;
  const make = (name, attributes, parent, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent?.append(node);
    return node;
  };
  const span = (micros) => {
    for (const [size, unit] of [[3600, "h"], [60, "min"]]) {
      if (micros && micros % (size * SECOND) === 0) return `${micros / size / SECOND} ${unit}`;
    }
    return `${micros / SECOND} s`;
  };
  return (root) => {
    const scope = `[data-explorer="${mark}"]`, style = document.createElement("style");
    style.textContent = `
      ${scope} { max-width: ${WIDE}px; container-type: inline-size; color: inherit; --bar: #0072b2; --gap: #d55e00; --wait: #009e73;
        --session: #f0e442; font-family: var(--jp-ui-font-family, system-ui, sans-serif) }
      ${scope} svg { width: 100%; height: auto; touch-action: none; user-select: none }
      ${scope} text { font-size: 13px; fill: currentColor }
      ${scope} .soft { opacity: .65 }
      ${scope} .numbers { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: baseline }
      ${scope} .numbers b { font-size: 34px }
      ${scope} [role=slider] { cursor: ew-resize; outline: none }
      ${scope} [role=slider]:focus-visible line { stroke-width: 6 }
      @container (max-width: 620px) { ${scope} text { font-size: 21px } }
      @media (prefers-color-scheme: dark) {
        ${scope} { --bar: #56b4e9; --gap: #ff9a4d; --wait: #2fd0a5; --session: #8d861f } }`;
    root.append(style);
    const numbers = document.createElement("div");
    numbers.className = "numbers";
    numbers.setAttribute("aria-live", "polite");
    root.append(numbers);

    const shown = data.users.slice(0, data.rows);
    const middle = BARS + CURVE + 90, height = middle + ROW * shown.length;
    const svg = make("svg", { viewBox: `0 -10 ${WIDE} ${height}` }, root);
    // Pauses, gaps and waits share one axis of durations, from a tenth of a second, logarithmic.
    const low = -1, high = Math.log10(data.longest / SECOND);
    const x = (micros) => LEFT + (WIDE - LEFT - RIGHT) *
      Math.max(0, Math.log10(Math.max(micros / SECOND, 0.1)) - low) / (high - low);
    const most = Math.max(1, ...data.bars.map((bar) => bar[2]));
    for (const [from, to, number] of data.bars) {
      const size = (BARS - 20) * number / most;
      make("rect", { x: x(from) + 0.5, y: BARS - size, width: Math.max(1, x(to) - x(from) - 1), height: size,
        fill: "var(--bar)", opacity: .75 }, svg);
    }
    make("text", { x: LEFT - 8, y: BARS, "text-anchor": "end", class: "soft" }, svg, "pauses");
    for (const tick of [1, 10, 60, 600, 3600, 21600, 86400]) {
      if (tick * SECOND > data.longest) continue;
      make("text", { x: x(tick * SECOND), y: BARS + 18, "text-anchor": "middle", class: "soft" }, svg, span(tick * SECOND));
    }
    const curveTop = BARS + 34, y = (ctr) => curveTop + CURVE * (1 - ctr);
    for (const level of [0, 0.5, 1]) {
      make("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(level), y2: y(level), stroke: "currentColor", "stroke-opacity": .15 }, svg);
      make("text", { x: LEFT - 8, y: y(level) + 4, "text-anchor": "end", class: "soft" }, svg, level ? level : "CTR 0");
    }
    const curve = make("path", { fill: "none", stroke: "var(--gap)", "stroke-width": 2 }, svg);
    const dot = make("circle", { r: 6, fill: "var(--gap)" }, svg);
    const times = data.events.map((event) => event[2]);
    const first = Math.min(...times), length = Math.max(1, Math.max(...times) - first);
    const at = (time) => LEFT + 6 + (WIDE - LEFT - RIGHT - 12) * (time - first) / length;
    shown.forEach((user, row) => make("text", { x: LEFT - 8, y: middle + ROW * row + 4, "text-anchor": "end" }, svg, user));
    const stage = make("g", {}, svg);
    const state = { gap: data.gap, wait: data.wait };
    const lines = ["gap", "wait"].map((name) => {
      const line = make("g", { role: "slider", tabindex: 0, "aria-label": name }, svg);
      make("rect", { x: -12, y: 8, width: 24, height: BARS - 8, fill: "transparent" }, line);
      make("line", { y1: 20, y2: name === "gap" ? curveTop + CURVE : BARS, stroke: `var(--${name})`, "stroke-width": 3 }, line);
      make("text", { y: 12, "text-anchor": "middle", "font-weight": 600, style: `fill: var(--${name})` }, line);
      const options = data[`${name}s`];
      const set = (index) => {
        const value = options[Math.max(0, Math.min(options.length - 1, index))];
        if (value !== state[name]) { state[name] = value; draw(); }
      };
      const drag = (event) => {
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        const far = options.map((option) => Math.abs(x(option) - point.x));
        set(far.indexOf(Math.min(...far)));
      };
      line.onpointerdown = (event) => {
        line.setPointerCapture(event.pointerId);
        line.onpointermove = drag;
      };
      line.onpointerup = line.onpointercancel = () => { line.onpointermove = null; };
      line.onkeydown = (event) => {
        const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        set(options.indexOf(state[name]) + by);
      };
      return line;
    });
    const marks = {
      [OPEN]: (px, py, look) => make("rect", { x: px - 1.5, y: py - 8, width: 3, height: 16, ...look }, stage),
      [SEARCH]: (px, py, look) => make("circle", { cx: px, cy: py, r: 4.5, ...look }, stage),
      [RESULTS]: (px, py, look) => make("rect", { x: px - 4, y: py - 4, width: 8, height: 8, ...look }, stage),
      [CLICK]: (px, py, look) => make("path", { d: `M${px} ${py - 5}l5 9h-10z`, ...look }, stage),
    };
    const colours = ["#6b7280", "#0072b2", "#56b4e9", "#d55e00"];
    let curveOf = null;
    const draw = () => {
      const found = count(state.gap, state.wait);
      Object.assign(root.dataset, { gap: state.gap, wait: state.wait, sessions: found.sessions.length,
        late: found.late.length, searches: found.searches, clicked: found.clicked, orphans: found.orphans });
      const ctr = found.ctr === null ? "undefined" : found.ctr.toFixed(2);
      numbers.replaceChildren();
      for (const [tag, text] of [["b", `CTR ${ctr}`], ["span", `${found.sessions.length} sessions`],
        ["span", `${found.orphans} clicks without a search`], ["span", `${found.late.length} late events`]]) {
        const part = document.createElement(tag);
        part.textContent = text;
        numbers.append(part);
      }
      if (curveOf !== state.wait) {
        curveOf = state.wait;
        const points = data.gaps.map((gap) => [x(gap), count(gap, state.wait).ctr]).filter((point) => point[1] !== null);
        curve.setAttribute("d", points.length ? `M${points.map(([px, value]) => `${px} ${y(value)}`).join("L")}` : "");
      }
      dot.setAttribute("cx", x(state.gap));
      dot.setAttribute("cy", y(found.ctr ?? 0));
      dot.setAttribute("visibility", found.ctr === null ? "hidden" : "visible");
      lines.forEach((line, number) => {
        const name = ["gap", "wait"][number], options = data[`${name}s`];
        line.setAttribute("transform", `translate(${x(state[name])} 0)`);
        line.lastChild.textContent = `${name} ${span(state[name])}`;
        for (const [key, value] of Object.entries({ valuemin: 0, valuemax: options.length - 1,
          valuenow: options.indexOf(state[name]), valuetext: span(state[name]) })) line.setAttribute(`aria-${key}`, value);
      });
      // Two labels at one place would cover each other.
      const close = Math.abs(x(state.gap) - x(state.wait)) < 90;
      lines[0].lastChild.setAttribute("text-anchor", close && state.gap >= state.wait ? "start" : close ? "end" : "middle");
      lines[1].lastChild.setAttribute("text-anchor", close && state.gap >= state.wait ? "end" : close ? "start" : "middle");
      stage.replaceChildren();
      const row = new Map(shown.map((user, number) => [data.users.indexOf(user), middle + ROW * number]));
      for (const { user, start: begin, end } of found.sessions) {
        if (!row.has(user)) continue;
        make("rect", { x: at(begin) - 6, y: row.get(user) - 11, width: at(end) - at(begin) + 12, height: 22, rx: 5,
          fill: "var(--session)", "fill-opacity": .55 }, stage);
      }
      const late = new Set(found.late);
      for (const event of data.events) {
        if (!row.has(event[0])) continue;
        const look = late.has(event) ? { fill: "none", stroke: "#cc79a7", "stroke-width": 2 } : { fill: colours[event[1]] };
        const mark = marks[event[1]](at(event[2]), row.get(event[0]), look);
        if (event[5]) make("title", {}, mark, event[5]);
      }
    };
    draw();
  };
}
