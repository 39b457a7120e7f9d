"use strict";
// The rating task. Times are those of events, in ms since the page was opened; the program relates
// them to its own clock. What happens is collected, and sent in order, again until it was kept.
(() => {
  const task = JSON.parse(document.getElementById("task").textContent);
  const token = new URLSearchParams(location.search).get("token");
  const page = [...crypto.getRandomValues(new Uint8Array(12))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const SEND_MS = 100, AGAIN_MS = 250, TROUBLE_MS = 2000, STEP = 0.01, HOLD_MS = 250;
  const DOUBLE = 0.5, DOUBLE_MS = 50, SEAT_MS = 4000, PRACTICE_MS = 2000;
  const show = Object.fromEntries(
    ["before", "rating", "between", "after", "refused"].map((id) => [id, document.getElementById(id)])
  );
  const line = document.getElementById("line"), mark = document.getElementById("mark");
  const trouble = document.getElementById("trouble");

  let phase = "waiting", practice = false;
  let firstTrigger = null, lastTrigger = null, counted = 0, start = null;
  let place = 0.5, moved = false;
  let question = null, nextQuestion = 0, lastHidden = null;
  let probed = false, asked = null; // questions that the program asks: the volume of the last one
  const held = { left: null, right: null };
  let lastFrame = null;

  const collected = () => ({ moves: [], triggers: [], frames: [], focus: [], answers: [] });
  let rows = collected();
  let number = 0, waiting = null, sending = false, ended = false, neverKept = true;
  let keptAt = performance.now();

  const clockStep = (() => {
    const steps = [];
    for (let i = 0; i < 30; i++) {
      const before = performance.now();
      let after = before;
      while (after === before) after = performance.now();
      steps.push(after - before);
    }
    return Math.min(...steps);
  })();

  // --- the scale -------------------------------------------------------------------------------
  const round = (value, digits) => Number(value.toFixed(digits));
  const isRating = () => !show.rating.hidden;

  const draw = () => {
    mark.style.transform = `translateX(${round(place * line.clientWidth, 2)}px)`;
    if (!moved) return;
    const value = task.lowest + place * (task.highest - task.lowest);
    line.setAttribute("aria-valuenow", String(round(value, 2)));
    line.setAttribute("aria-valuetext", String(round(value, 0)));
  };

  const moveTo = (to, at) => {
    const next = Math.min(1, Math.max(0, to));
    if (moved && next === place) return;
    place = next;
    moved = true;
    line.classList.add("moved");
    rows.moves.push([round(at, 2), round(place, 5)]);
    if (question && question.moved === null) question.moved = at;
  };

  const forget = () => {
    place = 0.5;
    moved = false;
    line.classList.remove("moved");
    line.setAttribute("aria-valuetext", task.unrated);
  };

  const only = (name) => {
    for (const [id, element] of Object.entries(show)) element.hidden = id !== name;
    document.body.classList.toggle("rating", name === "rating" || name === "between");
    if (name === "rating") {
      draw();
      line.focus({ preventScroll: true });
    }
  };

  // --- triggers, questions, the end ------------------------------------------------------------
  const tr = task.repetition_time_s === null ? null : task.repetition_time_s * 1e3;

  const onTrigger = (at) => {
    rows.triggers.push(round(at, 2));
    if (probed || (phase !== "waiting" && phase !== "running")) return;
    if (phase === "waiting") {
      phase = "running";
      firstTrigger = at;
      if (tr !== null) start = at + task.dummy_triggers * tr;
    }
    const isDouble = lastTrigger !== null
      && at - lastTrigger < (tr === null ? DOUBLE_MS : DOUBLE * tr);
    if (!isDouble) {
      counted += 1;
      lastTrigger = at;
    }
    if (start === null && counted > task.dummy_triggers) start = at;
    step(at);
  };

  const ask = (now) => {
    forget();
    question = { shown: now, moved: null };
    only("rating");
  };

  const answer = (now, confirmed) => {
    rows.answers.push([
      round(question.shown, 2), round(now, 2),
      question.moved === null ? null : round(question.moved, 2), moved ? round(place, 5) : null,
      confirmed ? 1 : 0,
    ]);
    question = null;
    lastHidden = now;
    only("between");
  };

  const finish = (now) => {
    if (question) answer(now, false);
    phase = "ended";
    ended = true;
    only("after");
  };

  // What is on the screen, by the time since the first trigger and the first volume.
  const step = (now) => {
    if (phase !== "running") return;
    if (!practice && start !== null && now >= start + task.duration_s * 1e3) {
      finish(now);
      return;
    }
    if (task.design === "continuous") {
      if (now >= firstTrigger + task.scale_after_s * 1e3) {
        if (show.rating.hidden) only("rating");
      } else if (show.between.hidden) {
        only("between");
      }
      return;
    }
    if (question && now >= question.shown + task.answer_within_s * 1e3) answer(now, false);
    if (probed) return;
    const due = practice ? (lastHidden ?? firstTrigger) + PRACTICE_MS
      : start === null ? Infinity : start + (nextQuestion + 1) * task.every_s * 1e3;
    if (!question && now >= due) {
      if (!practice) nextQuestion = Math.floor((now - start) / (task.every_s * 1e3));
      ask(now);
    } else if (!question && show.between.hidden) {
      only("between");
    }
  };

  // --- keys and pointer: letters of either case, as Caps Lock may be on -------------------------
  const isOf = (keys, event) => {
    const name = event.key === " " ? "space" : (event.key ?? "").toLowerCase();
    return keys.some((key) => key.toLowerCase() === name);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = event.timeStamp;
    if (isOf(task.trigger_key, event)) {
      event.preventDefault();
      if (!event.repeat && phase !== "refused") onTrigger(at);
      return;
    }
    const side = isOf(task.left_key, event) ? "left"
      : isOf(task.right_key, event) ? "right" : null;
    if (side !== null && isRating()) {
      event.preventDefault();
      if (event.repeat || held[side] !== null) return;
      held[side] = at;
      moveTo(place + (side === "left" ? -STEP : STEP), at);
    } else if (isOf(task.confirm_key, event) && question && moved) {
      event.preventDefault();
      answer(at, true);
    }
  }, true);

  document.addEventListener("keyup", (event) => {
    if (isOf(task.left_key, event)) held.left = null;
    if (isOf(task.right_key, event)) held.right = null;
  }, true);

  document.addEventListener("pointermove", (event) => {
    if (!isRating()) return;
    const box = line.getBoundingClientRect();
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of all.length ? all : [event]) {
      moveTo((one.clientX - box.left) / box.width, one.timeStamp);
    }
  });

  document.addEventListener("pointerdown", (event) => {
    if (!isRating()) return;
    event.preventDefault();
    if (question && moved) answer(event.timeStamp, true);
    else {
      const box = line.getBoundingClientRect();
      moveTo((event.clientX - box.left) / box.width, event.timeStamp);
    }
  });
  document.addEventListener("contextmenu", (event) => event.preventDefault());

  const onFocus = () => {
    const has = document.hasFocus() && !document.hidden;
    rows.focus.push([round(performance.now(), 2), has ? 1 : 0]);
    if (!has) held.left = held.right = null;
  };
  window.addEventListener("focus", onFocus);
  window.addEventListener("blur", onFocus);
  document.addEventListener("visibilitychange", onFocus);

  document.getElementById("whole").addEventListener("click", (event) => {
    event.currentTarget.blur();
    document.documentElement.requestFullscreen().catch(() => {
      trouble.textContent = "F11"; // where the page may not do it itself
    });
  });
  document.addEventListener("fullscreenchange", () => {
    document.getElementById("whole").hidden = document.fullscreenElement !== null;
  });

  const stayAwake = () => {
    if (navigator.wakeLock && !document.hidden) {
      navigator.wakeLock.request("screen").catch(() => {}); // without power it is refused
    }
  };
  document.addEventListener("visibilitychange", stayAwake);

  // --- frames of the screen --------------------------------------------------------------------
  const frame = (now) => {
    if (lastFrame !== null) {
      const passed = now - lastFrame;
      if (phase === "running") rows.frames.push(round(passed, 1));
      for (const [side, sign] of [["left", -1], ["right", 1]]) {
        if (held[side] !== null && isRating() && now - held[side] > HOLD_MS) {
          moveTo(place + (sign * passed) / (task.seconds_across_s * 1e3), now);
        }
      }
    }
    lastFrame = now;
    step(now);
    if (isRating()) draw();
    requestAnimationFrame(frame);
  };

  // --- sending ---------------------------------------------------------------------------------
  const refuse = (text) => {
    phase = "refused";
    document.getElementById("why").textContent = text;
    only("refused");
  };

  const post = (batch, more) => fetch("batch", {
    method: "POST",
    headers: { "X-Painprint-Token": token, "Content-Type": "application/json" },
    body: JSON.stringify({ ...batch, sent: round(performance.now(), 2) }),
    ...more,
  });

  const next = () => {
    const batch = { page, n: number, clock_step: round(clockStep, 4), ...rows };
    if (ended) batch.ended = true;
    rows = collected();
    number += 1;
    return batch;
  };

  const send = async () => {
    if (phase === "refused" || sending) return;
    sending = true;
    let wait = SEND_MS;
    try {
      waiting = waiting ?? next();
      const reply = await post(waiting);
      if (reply.status === 409 && neverKept && performance.now() < SEAT_MS) {
        wait = AGAIN_MS; // the page before, of which this is a reload, may not have left yet
      } else if (reply.status === 409) {
        refuse(task.second_page);
      } else if (reply.status === 410) {
        if (phase !== "ended") finish(performance.now());
        wait = null;
      } else if (reply.status === 400) {
        waiting = null; // it would be refused again
      } else if (!reply.ok) {
        throw new Error("not kept");
      } else {
        const wasLast = waiting.ended;
        waiting = null;
        neverKept = false;
        keptAt = performance.now();
        trouble.textContent = "";
        const said = await reply.json();
        if (said.stop && phase !== "ended") finish(performance.now());
        if (probed && said.asked !== asked && phase === "running" && !question) {
          asked = said.asked;
          ask(performance.now());
        }
        if (wasLast) wait = null;
      }
    } catch {
      wait = AGAIN_MS;
      if (performance.now() - keptAt > TROUBLE_MS) {
        trouble.textContent = task.connection_note;
      }
    }
    sending = false;
    if (wait !== null) setTimeout(send, wait);
  };

  window.addEventListener("pagehide", () => {
    if (phase === "refused" || phase === "ended") return;
    // a batch that is under way may not arrive; it is sent again before the last one
    if (waiting) post(waiting, { keepalive: true }).catch(() => {});
    post({ ...next(), leaving: true }, { keepalive: true }).catch(() => {});
  });

  // --- begin, or go on after the page was closed -------------------------------------------------
  const begin = async () => {
    let state;
    try {
      state = await (await fetch("state", { headers: { "X-Painprint-Token": token } })).json();
    } catch {
      trouble.textContent = task.connection_note;
      setTimeout(begin, AGAIN_MS);
      return;
    }
    practice = state.practice;
    probed = state.asked !== undefined;
    asked = state.asked ?? null;
    document.getElementById("practice").hidden = !practice;
    if (probed && state.phase === "running") {
      phase = "running";
    } else if (state.phase === "running") {
      phase = "running";
      firstTrigger = performance.now() - state.elapsed;
      counted = state.triggers;
      if (tr !== null) start = firstTrigger + task.dummy_triggers * tr;
      else if (counted > task.dummy_triggers) start = firstTrigger;
      if (start !== null) {
        nextQuestion = Math.max(0, Math.floor((performance.now() - start) / (task.every_s * 1e3)));
      }
      if (state.place !== null && task.design === "continuous") place = state.place;
    } else if (state.phase === "ended") {
      phase = "ended";
      only("after");
      return;
    }
    onFocus();
    stayAwake();
    if (practice && phase === "waiting") onTrigger(performance.now());
    requestAnimationFrame(frame);
    send();
  };
  begin();
})();
