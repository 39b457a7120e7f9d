"use strict";
// Interactive brain: outlines with tooltips that can be recoloured, and, with WebGL, a surface that can be rotated.
(() => {
  const source = document.getElementById("brain-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const get = (id) => document.getElementById(id);
  const root = document.documentElement;
  const outlines = [...document.querySelectorAll("[data-region]")];
  const tip = get("brain-tip"), said = get("brain-said"), bar = get("brain-bar"), find = get("brain-find");
  let overlay = data.overlays[0], pointed = -1;
  document.querySelectorAll(".brain-scripted").forEach((element) => { element.hidden = false; });
  outlines.forEach((outline) => outline.querySelector("title")?.remove());

  const describe = (region) => {
    const { name, network } = data.regions[region];
    const value = overlay.said[region];
    return `${name}, ${network || "no network"}` + (value ? `: ${value} (${overlay.title.toLowerCase()})` : "");
  };
  const point = (region, event) => {
    if (region !== pointed) {
      outlines.forEach((outline) => outline.classList.toggle("found", Number(outline.dataset.region) === region));
      pointed = region;
      said.textContent = region < 0 ? "" : describe(region);
      scene?.draw();
    }
    tip.hidden = region < 0 || !event;
    if (!tip.hidden) {
      tip.textContent = describe(region);
      const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6);
      const above = event.clientY + 18 + tip.offsetHeight > innerHeight;
      tip.style.left = `${Math.max(left, 4)}px`;
      tip.style.top = `${event.clientY + (above ? -tip.offsetHeight - 10 : 16)}px`;
    }
  };
  document.querySelectorAll(".brain-flat").forEach((flat) => {
    const pointAt = (event) => {
      const region = event.target.closest("[data-region]");
      point(region ? Number(region.dataset.region) : -1, event);
    };
    flat.addEventListener("pointermove", pointAt);
    flat.addEventListener("click", pointAt);
    flat.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") point(-1); });
  });

  const explain = () => {
    bar.replaceChildren();
    const add = (parent, tag, text, colour) => {
      const made = parent.appendChild(document.createElement(tag));
      if (text) made.textContent = text;
      if (colour) made.style.background = colour;
      return made;
    };
    if (overlay.bar) {
      add(bar, "span", overlay.ends[0]);
      const strip = add(bar, "span");
      strip.style.display = "inline-flex";
      overlay.bar.forEach((colour) => add(strip, "i", "", colour));
      add(bar, "span", overlay.ends[1]);
      add(bar, "span", overlay.label);
    } else {
      Object.entries(overlay.legend).forEach(([name, colour]) => {
        const key = add(bar, "span");
        key.className = "key";
        add(key, "i", "", colour);
        add(key, "span", name);
      });
    }
  };
  const paint = () => {
    root.classList.toggle("repainted", overlay !== data.overlays[0]);
    outlines.forEach((outline) => outline.querySelectorAll("path").forEach((path) => {
      path.style.fill = overlay.colours[outline.dataset.region];
    }));
    document.querySelectorAll(".brain-painted").forEach((element) => { element.textContent = `${overlay.title} (${overlay.label})`; });
    document.querySelectorAll(".brain-flat svg").forEach((image) => {
      image.dataset.where ??= image.getAttribute("aria-label").slice(data.overlays[0].title.length);
      image.setAttribute("aria-label", overlay.title + image.dataset.where);
    });
    explain();
    scene?.paint(overlay.colours);
    point(-1);
  };
  get("brain-overlay").addEventListener("change", (event) => {
    overlay = data.overlays[event.target.value];
    paint();
  });
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    point(data.regions.findIndex((region) => region.name.toLowerCase() === wanted));
  });

  // The surface.
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const VERTEX = `#version 300 es
  in vec3 place; in vec3 normal; in vec3 regions;
  uniform mat3 turn; uniform vec2 scale;
  out vec3 facing; out vec3 near; flat out vec3 corners;
  void main() {
    vec3 seen = turn * place;
    facing = turn * normal; corners = regions;
    near = vec3(0.0); near[gl_VertexID % 3] = 1.0;
    gl_Position = vec4(seen.xy * scale, -seen.z * 0.003, 1.0);
  }`;
  const FRAGMENT = `#version 300 es
  precision highp float; precision highp sampler2D;
  in vec3 facing; in vec3 near; flat in vec3 corners;
  uniform sampler2D colours; uniform int pointed; uniform bool asking;
  out vec4 colour;
  void main() {
    // a point has the region of the nearest corner of its face
    float mine = near.x >= near.y && near.x >= near.z ? corners.x : near.y >= near.z ? corners.y : corners.z;
    int of = int(mine);
    if (asking) {
      int number = of + 1;
      colour = vec4(float(number % 256), float(number / 256), 0.0, 255.0) / 255.0;
      return;
    }
    vec3 base = of < 0 ? vec3(0.72, 0.74, 0.77) : texelFetch(colours, ivec2(of, 0), 0).rgb;
    float light = 0.45 + 0.55 * abs(normalize(facing).z);
    if (of >= 0 && of == pointed) base = mix(base, vec3(1.0, 0.93, 0.1), 0.55);
    colour = vec4(base * light, 1.0);
  }`;

  const makeScene = () => {
    const canvas = get("brain-canvas");
    const gl = data.sheets.length ? canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true }) : null;
    if (!gl) return null;
    const program = gl.createProgram();
    [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]].forEach(([kind, text]) => {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    });
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    const uniform = (name) => gl.getUniformLocation(program, name);
    const at = Object.fromEntries(["turn", "scale", "pointed", "asking"].map((name) => [name, uniform(name)]));

    const fill = (name, values, size) => {
      const place = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
    };
    const normals = (places, faces) => {
      const found = new Float32Array(places.length);
      for (let f = 0; f < faces.length; f += 3) {
        const [a, b, c] = [faces[f] * 3, faces[f + 1] * 3, faces[f + 2] * 3];
        const u = [0, 1, 2].map((i) => places[b + i] - places[a + i]);
        const v = [0, 1, 2].map((i) => places[c + i] - places[a + i]);
        const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        for (const corner of [a, b, c]) for (let i = 0; i < 3; i++) found[corner + i] += n[i];
      }
      return found;
    };
    const shapes = Object.keys(data.sheets[0].shapes);
    const sheets = data.sheets.map((sheet) => {
      const faces = new Uint16Array(bytes(sheet.faces));
      const region = Float32Array.from(new Int16Array(bytes(sheet.region)));
      const made = {};
      for (const shape of shapes) {
        const { step, vertices } = sheet.shapes[shape];
        const places = Float32Array.from(new Int16Array(bytes(vertices)), (value) => value * step);
        made[shape] = { places, faces, region };
      }
      return { side: sheet.side, count: faces.length, made, arrays: {} };
    });
    const prepare = (sheet, shape) => {
      const { places, faces, region } = sheet.made[shape];
      const array = gl.createVertexArray();
      gl.bindVertexArray(array);
      const spread = (values) => { // of vertices, to the corners of every face
        const made = new Float32Array(faces.length * 3);
        faces.forEach((vertex, i) => { for (let c = 0; c < 3; c++) made[3 * i + c] = values[3 * vertex + c]; });
        return made;
      };
      const corners = new Float32Array(faces.length * 3);
      for (let i = 0; i < faces.length; i++) {
        const first = i - (i % 3);
        for (let c = 0; c < 3; c++) corners[3 * i + c] = region[faces[first + c]];
      }
      fill("place", spread(places), 3);
      fill("normal", spread(normals(places, faces)), 3);
      fill("regions", corners, 3);
      sheet.arrays[shape] = array;
    };
    const middles = {};
    for (const shape of shapes) {
      const low = [1e9, 1e9, 1e9], high = [-1e9, -1e9, -1e9];
      sheets.forEach(({ made }) => made[shape].places.forEach((value, i) => {
        low[i % 3] = Math.min(low[i % 3], value);
        high[i % 3] = Math.max(high[i % 3], value);
      }));
      middles[shape] = low.map((value, i) => (value + high[i]) / 2);
      sheets.forEach(({ made }) => { const { places } = made[shape]; for (let i = 0; i < places.length; i++) places[i] -= middles[shape][i % 3]; });
    }
    sheets.forEach((sheet) => prepare(sheet, shapes[0]));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);

    const START = { left: [-90, 0], right: [90, 0], above: [0, 90], below: [0, -90], front: [180, 0], behind: [0, 0] };
    let shape = shapes[0], [turnDeg, tiltDeg] = START.left, zoom = 1, shown = "LR", waiting = false;
    const matrix = () => {
      // The brain's axes are right, front, up; the page's are right, up, towards the eye.
      const [a, b] = [turnDeg, tiltDeg].map((degrees) => (degrees * Math.PI) / 180);
      const right = [Math.cos(a), Math.sin(a), 0];
      const away = [-Math.sin(a) * Math.cos(b), Math.cos(a) * Math.cos(b), -Math.sin(b)];
      const up = [right[1] * away[2] - right[2] * away[1], right[2] * away[0] - right[0] * away[2], right[0] * away[1] - right[1] * away[0]];
      return [0, 1, 2].flatMap((i) => [right[i], up[i], -away[i]]);
    };
    const farthest = {}; // mm from the middle, to the side and up
    for (const name of shapes) {
      farthest[name] = Math.max(...sheets.map(({ made }) => made[name].places.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
    }
    // The region at a pixel is read from an offscreen image of region numbers, without antialiasing.
    const numbers = gl.createFramebuffer(), [ids, depth] = [gl.createRenderbuffer(), gl.createRenderbuffer()];
    const fit = (w, h) => {
      canvas.width = w;
      canvas.height = h;
      gl.bindFramebuffer(gl.FRAMEBUFFER, numbers);
      [[ids, gl.RGBA8, gl.COLOR_ATTACHMENT0], [depth, gl.DEPTH_COMPONENT16, gl.DEPTH_ATTACHMENT]].forEach(([buffer, form, place]) => {
        gl.bindRenderbuffer(gl.RENDERBUFFER, buffer);
        gl.renderbufferStorage(gl.RENDERBUFFER, form, w, h);
        gl.framebufferRenderbuffer(gl.FRAMEBUFFER, place, gl.RENDERBUFFER, buffer);
      });
    };
    let fitted = "";
    const draw = (asking) => {
      if (!canvas.clientWidth) return; // folded; the observer of its size draws it once it is unfolded
      const [w, h] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.max(1, Math.round(size * Math.min(devicePixelRatio, 2))));
      if (fitted !== `${w} ${h}`) { fit(w, h); fitted = `${w} ${h}`; }
      gl.bindFramebuffer(gl.FRAMEBUFFER, asking ? numbers : null);
      gl.viewport(0, 0, w, h);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      const size = zoom / (farthest[shape] * 1.03);
      gl.uniformMatrix3fv(at.turn, false, matrix());
      gl.uniform2f(at.scale, size * Math.min(1, h / w), size * Math.min(1, w / h));
      gl.uniform1i(at.pointed, pointed);
      gl.uniform1i(at.asking, asking ? 1 : 0);
      sheets.forEach((sheet) => {
        if (!shown.includes(sheet.side)) return;
        gl.bindVertexArray(sheet.arrays[shape]);
        gl.drawArrays(gl.TRIANGLES, 0, sheet.count);
      });
    };
    const later = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(false); });
    };
    const regionAt = (event) => {
      const box = canvas.getBoundingClientRect();
      draw(true);
      const pixel = new Uint8Array(4);
      const x = ((event.clientX - box.left) / box.width) * canvas.width;
      const y = (1 - (event.clientY - box.top) / box.height) * canvas.height;
      gl.readPixels(Math.floor(x), Math.floor(y), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      const number = pixel[3] === 255 ? pixel[0] + 256 * pixel[1] - 1 : -1;
      return number < data.regions.length ? number : -1;
    };

    let held = null, asked = null, moved = false;
    canvas.addEventListener("pointerdown", (event) => {
      held = [event.clientX, event.clientY];
      moved = false;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (held) {
        moved ||= Math.hypot(event.clientX - held[0], event.clientY - held[1]) > 2;
        turnDeg -= (event.clientX - held[0]) * 0.5;
        tiltDeg = Math.max(-90, Math.min(90, tiltDeg + (event.clientY - held[1]) * 0.5));
        held = [event.clientX, event.clientY];
        tip.hidden = true;
        later();
      } else {
        if (!asked) requestAnimationFrame(() => { point(regionAt(asked), asked); asked = null; });
        asked = event;
      }
    });
    const release = () => { held = null; };
    canvas.addEventListener("pointerup", (event) => {
      release();
      if (!moved) point(regionAt(event), event);
    });
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", (event) => { if (!asked && event.pointerType !== "touch") point(-1); });
    const zoomBy = (factor) => { zoom = Math.max(0.5, Math.min(6, zoom * factor)); later(); };
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return; // else the page scrolls
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 500));
    }, { passive: false });
    document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => zoomBy(Number(button.dataset.zoom))));
    const keys = {
      ArrowLeft: () => { turnDeg += 10; }, ArrowRight: () => { turnDeg -= 10; },
      ArrowUp: () => { tiltDeg = Math.max(-90, tiltDeg - 10); }, ArrowDown: () => { tiltDeg = Math.min(90, tiltDeg + 10); },
      "+": () => zoomBy(1.2), "=": () => zoomBy(1.2), "-": () => zoomBy(1 / 1.2),
      Home: () => { [turnDeg, tiltDeg] = START.left; zoom = 1; },
    };
    canvas.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
      later();
    });
    document.querySelectorAll("[data-view]").forEach((button) => button.addEventListener("click", () => {
      [turnDeg, tiltDeg] = START[button.dataset.view];
      later();
    }));
    const press = (buttons, chosen) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === chosen)));
    const toggles = (attribute, change) => {
      const buttons = [...document.querySelectorAll(`[data-${attribute}]`)];
      buttons.forEach((button) => button.addEventListener("click", () => { change(button.dataset[attribute]); press(buttons, button); later(); }));
    };
    toggles("shape", (name) => { shape = name; sheets.forEach((sheet) => { if (!sheet.arrays[shape]) prepare(sheet, shape); }); });
    toggles("side", (sides) => { shown = sides; });
    new ResizeObserver(later).observe(canvas);
    get("brain-live").hidden = false;
    return {
      draw: later,
      paint: (colours) => {
        const texels = new Uint8Array(colours.length * 4).fill(255);
        colours.forEach((colour, i) => { for (let c = 0; c < 3; c++) texels[4 * i + c] = parseInt(colour.slice(1 + 2 * c, 3 + 2 * c), 16); });
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, colours.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
        later();
      },
    };
  };
  let scene = null;
  scene = makeScene();
  paint();
})();
