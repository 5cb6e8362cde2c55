(mark, data) => {
  // Times are microseconds from the start of the axis. `feed` hands over all that the engine has
  // said so far: arrivals as [at, user, kind, time, watermark, how late], and closings as
  // [at, user, start, end, label]. Everything drawn follows from that and from one time, `now`.
  const SVG = "http://www.w3.org/2000/svg", SECOND = 1e6;
  const LEFT = 66, RIGHT = 18, TOP = 26, ROW = 54, BAR = 20, FALL = 19;
  const COLOURS = ["#6b7280", "var(--search)", "var(--results)", "var(--click)"];
  const make = (name, attributes, parent, text) => {
    const node = name === "svg" || parent?.namespaceURI === SVG
      ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent?.append(node);
    return node;
  };
  const clock = (micros) => new Date(1000 * data.start + micros / 1000).toISOString().slice(11, 19);
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  return (root) => {
    const scope = `[data-live="${mark}"]`;
    make("style", {}, root, `
      ${scope} { font: 13px/1.5 var(--jp-ui-font-family, system-ui, sans-serif); max-width: 860px; color: inherit;
        --search: #0072b2; --results: #56b4e9; --click: #d55e00; --mark: #009e73; --late: #a3447c;
        --session: #f0e442; --edge: #b5a91c }
      ${scope} .said { font-weight: 600; font-size: 15px; font-variant-numeric: tabular-nums }
      ${scope} .fact { min-height: 1.5em }
      ${scope} .soft { opacity: .65 }
      ${scope} svg { display: block; width: 100% }
      ${scope} text { font-size: 12px; fill: currentColor }
      ${scope} .key { display: flex; flex-wrap: wrap; gap: 2px 12px }
      ${scope} .bar { display: flex; gap: 8px; align-items: center; margin: 4px 0 }
      ${scope} .bar input { flex: 1; min-width: 60px }
      ${scope} button { font: inherit; min-width: 34px; cursor: pointer; color: inherit; background: none;
        border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 6px; padding: 3px 8px }
      @media (max-width: 500px) { ${scope} .said, ${scope} .fact { font-size: 13px; min-height: 3em } }
      @media (prefers-color-scheme: dark) { ${scope} { --search: #4aa8e0; --results: #9bd5f7; --click: #ff8a3d;
        --mark: #2fd0a5; --late: #e08bbd; --session: #8d861f; --edge: #d9cd3f } }`);
    const said = make("div", { class: "said" }, root);
    const fact = make("div", { class: "fact", "aria-live": "polite" }, root);
    const svg = make("svg", { role: "img", "aria-label": "Events and sessions of each user, up to now" }, root);
    const key = make("div", { class: "key" }, root);
    for (const [sign, colour, text] of [["┃", "currentColor", "now"], ["┇", "var(--mark)", "watermark"],
      ["▨", "currentColor", "gap left"], ["▭", "currentColor", "open session"], ["▬", "var(--edge)", "closed session"],
      ["❙", COLOURS[0], "app open"], ["●", COLOURS[1], "search"], ["■", COLOURS[2], "results"], ["▲", COLOURS[3], "click"],
      ["△", "var(--late)", "late"]]) {
      const item = make("span", {}, key);
      make("span", { style: `color: ${colour}` }, item, sign);
      item.append(` ${text}`);
    }
    const bar = make("div", { class: "bar" }, root);
    const play = make("button", { type: "button" }, bar);
    const slider = make("input", { type: "range", min: 0, max: data.length, step: SECOND / 4, "aria-label": "Time" }, bar);
    const note = make("div", { class: "note soft" }, root);
    const stage = make("g", {}, svg);

    let record = { arrived: [], closed: [], facts: [], now: 0 };
    // When time stands still at the end, what has just happened is still shown to its end.
    let rest = 0;
    let now = 0, mode = "empty", heard = 0, before = 0, asked = 0, seen = false;
    const pending = [], delays = [];

    const state = () => {
      const rows = data.users.map(() => ({ mark: null, times: [], open: [], closed: [] }));
      const closed = record.closed.filter(([at]) => at <= now);
      const arrived = record.arrived.filter(([at]) => at <= now);
      for (const one of closed) rows[one[1]].closed.push(one);
      for (const [at, user, , time, watermark, late] of arrived) {
        const row = rows[user];
        row.mark = watermark + now - at;
        if (!late && !row.closed.some(([, , first, last]) => first <= time && time <= last)) row.times.push(time);
      }
      for (const row of rows) {
        for (const time of row.times.sort((a, b) => a - b)) {
          const last = row.open.at(-1);
          if (last && time - last.end <= data.gap) last.end = time;
          else row.open.push({ start: time, end: time });
        }
      }
      return { rows, arrived, closed };
    };
    const draw = () => {
      const { rows, arrived, closed } = state();
      const open = rows.reduce((sum, row) => sum + row.open.length, 0);
      const late = arrived.filter((one) => one[5]).length;
      const events = count(arrived.length, "event") + (late ? ` (${late} late)` : "");
      said.textContent = `${clock(now)} · ${events} · ${count(open, "open session")}, ${closed.length} closed`;
      const last = record.facts.findLast(([at]) => at <= now);
      const words = last ? `${clock(last[0])} ${last[1]}.` : "";
      if (fact.textContent !== words) fact.textContent = words;
      Object.assign(root.dataset, { mode, now: Math.round(now) });
      slider.value = now;

      const wide = Math.max(300, Math.min(860, root.clientWidth || 860));
      const high = TOP + ROW * rows.length + 24;
      svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
      const x = (time) => LEFT + (wide - LEFT - RIGHT) * time / data.length;
      const age = (at) => (now - at) / SECOND / data.speed + rest;
      const ease = (part) => 1 - (1 - Math.min(1, Math.max(0, part))) ** 3;
      stage.replaceChildren();
      const put = (name, attributes, text) => make(name, attributes, stage, text);
      const step = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600]
        .find((one) => x(one * SECOND) - x(0) > (one % 60 ? 70 : 48)) ?? 86400;
      const skip = step - (data.start % step);
      for (let tick = skip * SECOND; tick <= data.length; tick += step * SECOND) {
        put("line", { x1: x(tick), x2: x(tick), y1: TOP, y2: high - 22, stroke: "currentColor", "stroke-opacity": .12 });
        put("text", { x: x(tick), y: high - 6, "text-anchor": "middle", class: "soft" }, clock(tick).slice(0, step % 60 ? 8 : 5));
      }
      const middle = (user) => TOP + ROW * user + 24;
      rows.forEach((row, user) => {
        const y = middle(user), top = y - BAR / 2;
        put("text", { x: LEFT - 12, y: y + 4, "text-anchor": "end" }, `user ${data.users[user]}`.slice(0, 10));
        put("line", { x1: LEFT, x2: wide - RIGHT, y1: y, y2: y, stroke: "currentColor", "stroke-opacity": .12 });
        if (row.mark !== null) {
          // What lies between the watermark and now may still be joined by events that were held up.
          put("rect", { x: x(Math.max(0, row.mark)), y: y - 19, height: 38, fill: "var(--mark)", opacity: .14,
            width: Math.max(0, x(now) - x(Math.max(0, row.mark))) });
          put("line", { x1: x(Math.max(0, row.mark)), x2: x(Math.max(0, row.mark)), y1: y - 19, y2: y + 19,
            stroke: "var(--mark)", "stroke-width": 2.5, "stroke-dasharray": "4 3" });
        }
        for (const [at, , first, end, label] of row.closed) {
          const snap = ease(age(at) / 0.35), glow = 1 - ease(age(at) / 1.2);
          put("rect", { x: x(first) - 7, y: top, width: x(end) - x(first) + 14, height: BAR, rx: 4,
            fill: "var(--session)", "fill-opacity": .6, stroke: "var(--edge)", "stroke-width": 1.2 + 3 * glow });
          if (snap < 1) put("rect", { x: x(end) + 7, y: top, height: BAR, fill: "var(--edge)", opacity: .6,
            width: (x(end + data.gap) - x(end)) * (1 - snap) });
          if (glow > 0) put("rect", { x: x(first) - 7 - 12 * (1 - glow), y: top - 8 * (1 - glow), rx: 6, fill: "none",
            width: x(end) - x(first) + 14 + 24 * (1 - glow), height: BAR + 16 * (1 - glow),
            stroke: "var(--edge)", "stroke-width": 2, opacity: glow });
          put("text", { x: x(first) - 7, y: top - 4, "font-weight": 600 }, label);
        }
        for (const one of row.open) {
          const drained = Math.max(one.end, Math.min(row.mark, one.end + data.gap));
          put("rect", { x: x(one.start) - 7, y: top, width: x(one.end) - x(one.start) + 14, height: BAR, rx: 4,
            fill: "var(--session)", "fill-opacity": .15, stroke: "currentColor", "stroke-dasharray": "4 3" });
          put("rect", { x: x(one.end) + 7, y: top, height: BAR, fill: "none", stroke: "currentColor", "stroke-opacity": .25,
            width: Math.max(0, x(one.end + data.gap) - x(one.end) - 7) });
          put("rect", { x: Math.max(x(drained), x(one.end) + 7), y: top, height: BAR, fill: "url(#" + mark + ")",
            width: Math.max(0, x(one.end + data.gap) - Math.max(x(drained), x(one.end) + 7)) });
          const left = Math.max(0, Math.ceil((one.end + data.gap - row.mark) / SECOND));
          const right = x(one.end + data.gap), room = right + 60 < wide;
          put("text", { x: room ? right + 5 : right, y: room ? y + 4 : top - 4,
            "text-anchor": room ? "start" : "end", class: "soft" }, `${left} s left`);
        }
      });
      for (const [at, user, kind, time, , how] of arrived) {
        const px = x(time), fall = how ? ease(age(at) / 0.8) : 0, py = middle(user) + FALL * fall;
        const look = how ? { fill: "var(--jp-layout-color0, Canvas)", stroke: "var(--late)", "stroke-width": 2 }
          : { fill: COLOURS[kind] };
        const pop = 1 - ease(age(at) / 0.6);
        if (pop > 0) put("circle", { cx: px, cy: py, r: 6 + 12 * (1 - pop), fill: "none", opacity: pop,
          stroke: how ? "var(--late)" : COLOURS[kind], "stroke-width": 2 });
        if (kind === 0) put("rect", { x: px - 1.5, y: py - 8, width: 3, height: 16, ...look });
        if (kind === 1) put("circle", { cx: px, cy: py, r: 4.5, ...look });
        if (kind === 2) put("rect", { x: px - 4, y: py - 4, width: 8, height: 8, ...look });
        if (kind === 3) put("path", { d: `M${px} ${py - 5}l5 9h-10z`, ...look });
        const room = px > LEFT + 80;
        if (how) put("text", { x: room ? px - 9 : px + 9, y: py + 5, "text-anchor": room ? "end" : "start",
          style: "fill: var(--late)" }, how);
      }
      put("line", { x1: x(now), x2: x(now), y1: TOP - 4, y2: high - 22, stroke: "currentColor", "stroke-width": 2 });
      put("text", { x: Math.min(wide - 50, Math.max(LEFT + 26, x(now))), y: TOP - 10, "text-anchor": "middle", "font-weight": 600 },
        `now ${clock(now)}`);
      while (pending.length) delays.push(Date.now() - pending.pop());
    };
    const pattern = make("pattern", { id: mark, width: 6, height: 6, patternUnits: "userSpaceOnUse",
      patternTransform: "rotate(45)" }, make("defs", {}, svg));
    make("rect", { width: 2.5, height: 6, fill: "currentColor", "fill-opacity": .55 }, pattern);

    const delay = () => {
      if (!delays.length) return "";
      const sorted = [...delays].sort((a, b) => a - b), middle = sorted[sorted.length >> 1];
      if (sorted[0] < 0) return ""; // the kernel is on another machine, whose clock differs
      root.dataset.delay = middle;
      root.dataset.slowest = sorted.at(-1);
      return ` From the engine to the screen: ${middle} ms (median of ${sorted.length} messages; at most ${sorted.at(-1)} ms).`;
    };
    const speed = `${data.speed} times as fast as the clock`;
    const tell = () => {
      const live = mode === "live";
      play.hidden = slider.hidden = live || mode === "empty";
      play.textContent = mode === "play" ? "❚❚" : "▶";
      play.setAttribute("aria-label", mode === "play" ? "Pause" : "Play");
      if (mode === "empty") note.textContent = "Waiting for the run.";
      else if (live) note.textContent = `Live, ${speed}. To stop it, interrupt the kernel: ■ in the toolbar.${delay()}`;
      else {
        const ended = record.whole ? "The run is over" : `The run was stopped at ${clock(record.now)}`;
        note.textContent = `${ended}. This is its record, ${speed}.${delay()}`;
      }
    };
    const go = (next) => { mode = next; before = 0; tell(); ask(); };
    const ask = () => { asked ||= requestAnimationFrame(tick); };
    const tick = (wall) => {
      asked = 0;
      const passed = before ? (wall - before) * 1000 * data.speed : 0;
      before = wall;
      if (mode === "live") {
        // The kernel's time is known at each message; in between it goes on at the same speed.
        const target = record.now + (performance.now() - heard) * 1000 * data.speed;
        const far = target - now > 500_000 * data.speed;
        now = Math.max(record.now, far ? target : now + passed * (target < now ? 0.5 : 1));
      } else if (mode === "play") now += Math.min(passed, 100_000 * data.speed);
      const end = mode === "live" ? data.length : record.now;
      if (now >= end) {
        now = end;
        if (mode === "play") { mode = "end"; tell(); }
      }
      const over = mode !== "live" && now >= record.now;
      rest = over ? rest + passed / SECOND / data.speed : 0;
      const drawn = delays.length;
      draw();
      if (delays.length > drawn) tell();
      if (mode === "live" || mode === "play" || (over && rest < 2)) ask();
    };
    root.receive = (news) => {
      const was = mode;
      record = news;
      // A record that was stored in the middle of a run is an old one.
      if (news.sent && Date.now() - news.sent < 60_000) {
        pending.push(news.sent);
        heard = performance.now();
        if (was !== "live") { now = 0; go("live"); } else ask();
      } else if (was === "live") { now = news.now; go("end"); }
      else if (matchMedia("(prefers-reduced-motion: reduce)").matches) { now = news.now; go("end"); }
      else { now = 0; go("ready"); begin(); }
    };
    const begin = () => { if (seen && mode === "ready") go("play"); };
    new IntersectionObserver(([entry]) => { seen = entry.isIntersecting; begin(); }, { threshold: 0.5 }).observe(root);
    new ResizeObserver(ask).observe(root);
    play.onclick = () => {
      if (mode === "play") return go("pause");
      if (now >= record.now) now = 0;
      go("play");
    };
    slider.oninput = () => {
      // The last step is the end, which may lie between two steps.
      const at = Number(slider.value), last = at + Number(slider.step) > data.length;
      now = last ? record.now : Math.min(at, record.now);
      go("pause");
    };
    slider.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation(); // or JupyterLab takes it
      slider.value = Number(slider.value) + by * slider.step;
      slider.oninput();
    };
    tell();
    draw();
  };
}
