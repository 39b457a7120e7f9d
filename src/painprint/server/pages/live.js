"use strict";
// Draws the readings that the program sends, and connects again if it was started again.
(() => {
  const about = JSON.parse(document.getElementById("about").textContent);
  const token = new URLSearchParams(location.search).get("token");
  const at = (id) => document.getElementById(id);
  const canvas = at("plot"), SHOWN_S = 1200, MARGIN = { left: 48, right: 10, top: 10, bottom: 26 };
  let rows = [], answers = [], pending = false, fastest = Infinity, ended = false;

  const scale = about.range ? about.range[1] - about.range[0]
    : Math.max(...about.history.map(Math.abs), 1e-9);
  const digits = Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(scale))));
  const text = (value) => (value === null ? "–" : value.toFixed(digits));
  const minutes = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

  const limits = (shown) => {
    if (about.range) return about.range;
    const values = [...about.history];
    for (const row of shown) for (const v of [row.mean, row.low, row.high, row.truth ?? null]) if (v !== null) values.push(v);
    const low = Math.min(...values), high = Math.max(...values), room = (high - low || 1) * 0.08;
    return [low - room, high + room];
  };

  const draw = () => {
    pending = false;
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.scale(ratio, ratio);
    const last = rows.length ? rows[rows.length - 1].index * about.tr : 0;
    const from = Math.max(0, last - SHOWN_S), to = Math.max(from + 120, last);
    const shown = rows.filter((row) => row.index * about.tr >= from);
    const [low, high] = limits(shown);
    const x = (s) => MARGIN.left + ((s - from) / (to - from)) * (width - MARGIN.left - MARGIN.right);
    const y = (v) => height - MARGIN.bottom
      - ((v - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = colour("soft");
    pen.strokeStyle = colour("line");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (let i = 0; i <= 4; i++) {
      const value = low + (i / 4) * (high - low);
      pen.beginPath();
      pen.moveTo(MARGIN.left, y(value));
      pen.lineTo(width - MARGIN.right, y(value));
      pen.stroke();
      pen.fillText(value.toPrecision(3), MARGIN.left - 6, y(value));
    }
    pen.textAlign = "center";
    pen.textBaseline = "top";
    const step = Math.max(60, Math.ceil((to - from) / 8 / 60) * 60);
    for (let s = Math.ceil(from / step) * step; s <= to; s += step) {
      pen.fillText(minutes(s), x(s), height - MARGIN.bottom + 6);
    }
    pen.strokeStyle = colour("soft");
    for (const level of about.history) {
      pen.beginPath();
      pen.moveTo(MARGIN.left, y(level));
      pen.lineTo(MARGIN.left + 10, y(level));
      pen.stroke();
    }
    // runs of volumes with a running mean, at most one a pixel
    const every = Math.max(1, Math.floor(shown.length / Math.max(1, width)));
    let run = [];
    const finish = () => {
      if (run.length) {
        pen.fillStyle = colour("pale");
        pen.beginPath();
        run.forEach((row, i) => {
          if (row.high !== null) pen[i ? "lineTo" : "moveTo"](x(row.index * about.tr), y(Math.min(row.high, high)));
        });
        [...run].reverse().forEach((row) => {
          if (row.low !== null) pen.lineTo(x(row.index * about.tr), y(Math.max(row.low, low)));
        });
        pen.fill();
        pen.strokeStyle = colour("accent");
        pen.lineWidth = 2;
        pen.beginPath();
        run.forEach((row, i) => pen[i ? "lineTo" : "moveTo"](x(row.index * about.tr), y(row.mean)));
        pen.stroke();
        pen.lineWidth = 1;
      }
      run = [];
    };
    shown.forEach((row, i) => {
      if (row.mean === null) finish();
      else if (i % every === 0 || i === shown.length - 1) run.push(row);
    });
    finish();
    const told = shown.filter((row, i) => row.truth !== undefined && i % every === 0);
    if (told.length) {
      pen.strokeStyle = colour("rating");
      pen.setLineDash([6, 4]);
      pen.lineWidth = 2;
      pen.beginPath();
      told.forEach((row, i) => pen[i ? "lineTo" : "moveTo"](x(row.index * about.tr), y(row.truth)));
      pen.stroke();
      pen.setLineDash([]);
      pen.lineWidth = 1;
    }
    at("truth").hidden = told.length === 0;
    pen.fillStyle = colour("rating");
    const dots = answers.filter(([onset, rating]) => rating !== null && onset + about.lag >= from);
    for (const [onset, rating] of dots) {
      pen.beginPath();
      pen.arc(x(onset + about.lag), y(Math.min(high, Math.max(low, rating))), 5, 0, 2 * Math.PI);
      pen.fill();
    }
    at("dots").hidden = dots.length === 0;
  };

  const redraw = () => {
    if (!pending) {
      pending = true;
      requestAnimationFrame(draw);
    }
  };

  const say = (content) => {
    const row = rows[rows.length - 1];
    if (row) {
      at("mean").textContent = text(row.mean);
      at("interval").textContent = row.low === null
        ? (row.mean === null ? "no prediction" : "no interval")
        : `80% interval ${text(row.low)} to ${text(row.high)}`;
      at("range").textContent = row.range;
      at("range").className = `light ${{ "in range": "", caution: "caution" }[row.range] ?? "bad"}`;
      const why = row.reasons.join("; ");
      if (at("why").textContent !== why) at("why").textContent = why;
      at("time").textContent = minutes(row.index * about.tr);
      at("lag").textContent = row.acquired === undefined ? "not told"
        : `${(row.written - row.acquired - fastest).toFixed(2)} s`;
    }
    for (const name of ["scored", "late", "missing"]) at(name).textContent = content.counts[name].toLocaleString("en");
    if (content.answers !== undefined) {
      answers = content.answers;
      at("probes").hidden = at("scale").hidden = false;
      at("answers").textContent = `${answers.filter((one) => one[1] !== null).length} / ${content.asked}`;
      at("open").textContent = content.rating_page ? "open" : "not open";
    }
    if (content.ended) at("why").textContent = "The run has ended.";
  };

  const listen = () => {
    const events = new EventSource(`/events?token=${encodeURIComponent(token)}`);
    let first = true;
    events.onmessage = (event) => {
      const content = JSON.parse(event.data);
      if (first) rows = []; // all that there are come first, also from a program started again
      first = false;
      at("lost").hidden = true;
      rows.push(...content.rows);
      for (const row of content.rows) {
        if (row.acquired !== undefined) fastest = Math.min(fastest, row.written - row.acquired);
      }
      if (rows.length > 40000) rows = rows.slice(-20000);
      rows.sort((a, b) => a.index - b.index);
      say(content);
      ended = content.ended;
      if (ended && !content.rows.length) events.close();
      redraw();
    };
    events.onerror = () => {
      if (ended) {
        events.close();
        return;
      }
      at("lost").hidden = false;
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
    };
  };

  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  listen();
  redraw();
})();
