const KEPT_PICTURES = 600;
const ASKED_AT_ONCE = 64;
const COLORS = ["ground", "ink-soft", "accent", "attention", "canvas", "hairline"];
const HELP = "Drag to move, the wheel to zoom (click first). Keys: arrows, + and -, 0 for all, v selects what is in view, Escape nothing.";

export default {
  render({ model, el }) {
    prepare(el, "imgurer-map");
    const { total, places: bytes, marked: marks } = model.get("_content");
    const floats = (data) => new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
    const places = floats(bytes);
    const marked = new Uint8Array(marks.buffer, marks.byteOffset, marks.byteLength);
    const view = new MapView(), pictures = new MapPictures(places);
    const known = new Map();
    const asked = new Set();
    let mode = "move", drag = null, hovered = -1, drawing = 0, asking = 0, gone = false;

    const bar = element("div", "imgurer-map-bar");
    const press = (name, text, action) => {
      const node = element("button", "imgurer-map-button", text);
      node.type = "button";
      node.dataset.act = name;
      node.addEventListener("click", action);
      return node;
    };
    const modes = ["move", "box", "lasso"].map((name) => press(name, { move: "Move", box: "Box", lasso: "Lasso" }[name], () => setMode(name)));
    const group = element("span", "imgurer-map-group");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "What dragging does");
    group.append(...modes);
    const closer = press("closer", "", () => zoomBy(1.6));
    const farther = press("farther", "", () => zoomBy(1 / 1.6));
    closer.append(icon("plus"));
    closer.setAttribute("aria-label", "Zoom in");
    farther.append(icon("minus"));
    farther.setAttribute("aria-label", "Zoom out");
    const whole = press("whole", "Whole map", () => { view.fit(); draw(); });
    const seen = press("seen", "Select what is in view", () => selectView("new"));
    const none = press("none", "Select none", () => model.send({ kind: "points", points: [], how: "new" }));
    bar.append(group, closer, farther, whole, seen, none);
    const words = element("p", "imgurer-map-words");
    words.setAttribute("role", "status");
    const box = element("div", "imgurer-map-box");
    const canvas = element("canvas", "imgurer-map-canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${model.get("label")}. ${HELP}`);
    const tip = element("div", "imgurer-map-tip");
    tip.hidden = true;
    box.append(canvas, tip);
    const legend = element("p", "imgurer-map-legend");
    for (const [name, text] of [["", model.get("no_mark")], ["imgurer-map-marked", model.get("mark")], ["imgurer-map-selected", "selected"]]) {
      const entry = element("span", "imgurer-map-entry");
      entry.append(element("i", `imgurer-map-dot ${name}`.trim()), element("span", "", text));
      legend.append(entry);
    }
    legend.append(element("span", "imgurer-map-help", HELP));
    // Custom properties keep light-dark() unresolved: only a computed color shows the theme.
    const probes = COLORS.map((name) => {
      const probe = element("span", "imgurer-map-probe");
      probe.style.color = `var(--imgurer-${name})`;
      return probe;
    });
    el.append(bar, words, box, legend, ...probes);

    const selection = () => {
      const data = model.get("_selected");
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    };
    const number = (count) => count.toLocaleString("en");

    function setMode(name) {
      mode = name;
      canvas.dataset.mode = name;
      for (const node of modes) node.setAttribute("aria-pressed", String(node.dataset.act === name));
    }

    function zoomBy(factor, left, top) {
      view.zoom(factor, left, top);
      draw();
    }

    function selectView(how) {
      const [left, bottom] = view.toMap(0, view.height), [right, top] = view.toMap(view.width, 0);
      model.send({ kind: "outline", corners: [[left, bottom], [right, bottom], [right, top], [left, top]], how });
    }

    function draw() {
      if (!drawing && !gone) drawing = requestAnimationFrame(() => { drawing = 0; drawNow(); });
    }

    function drawNow() {
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [box.clientWidth, box.clientHeight];
      if (!width || !height) return;
      if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
      }
      const [ground, soft, accent, mark, paper, line] = probes.map((probe) => getComputedStyle(probe).color);
      const paint = canvas.getContext("2d");
      paint.setTransform(ratio, 0, 0, ratio, 0, 0);
      paint.fillStyle = ground;
      paint.fillRect(0, 0, width, height);
      const chosen = selection();
      const dot = Math.min(7, Math.max(2, Math.sqrt((view.scale * view.scale) / Math.max(total, 1)) / 6));
      let inView = 0, selected = 0;
      // One color after the other; selected pictures on top.
      for (const layer of [0, 1, 2]) {
        paint.fillStyle = [soft, mark, accent][layer];
        for (let k = 0; k < total; k += 1) {
          if ((chosen[k] ? 2 : marked[k]) !== layer) continue;
          if (layer === 2) selected += 1;
          const [left, top] = view.toScreen(places[2 * k], places[2 * k + 1]);
          if (left < 0 || top < 0 || left > width || top > height) continue;
          inView += 1;
          const size = layer === 2 ? dot + 2 : dot;
          paint.fillRect(left - size / 2, top - size / 2, size, size);
        }
      }
      const { shown, size } = pictures.inView(view);
      const wanted = [];
      paint.lineWidth = 2;
      for (const [k, left, top] of shown) {
        const found = known.get(k);
        if (!found) { wanted.push(k); continue; }
        known.delete(k); // the last that were seen are kept
        known.set(k, found);
        if (!found.image) continue;
        const scale = Math.min(size / found.image.width, size / found.image.height);
        const [w, h] = [found.image.width * scale, found.image.height * scale];
        paint.drawImage(found.image, left - w / 2, top - h / 2, w, h);
        paint.strokeStyle = chosen[k] ? accent : marked[k] ? mark : line;
        paint.lineWidth = chosen[k] ? 4 : 2;
        paint.strokeRect(left - w / 2, top - h / 2, w, h);
      }
      if (drag?.outline?.length > 1) {
        paint.beginPath();
        for (const [left, top] of drag.outline) paint.lineTo(left, top);
        paint.closePath();
        paint.globalAlpha = 0.15;
        paint.fillStyle = accent;
        paint.fill();
        paint.globalAlpha = 1;
        paint.strokeStyle = accent;
        paint.lineWidth = 1.5;
        paint.stroke();
      }
      none.disabled = !selected;
      const parts = [`${number(total)} ${total === 1 ? "picture" : "pictures"}`];
      if (inView < total) parts.push(`${number(inView)} in view`);
      parts.push(`${number(selected)} selected`);
      if (words.textContent !== parts.join(" · ")) words.textContent = parts.join(" · ");
      el.dataset.waiting = String(wanted.length);
      ask(wanted);
    }

    // Only what is in view is asked for, once one has stopped moving.
    function ask(wanted) {
      clearTimeout(asking);
      const fresh = wanted.filter((k) => !asked.has(k)).slice(0, ASKED_AT_ONCE);
      if (!fresh.length || asked.size) return;
      asking = setTimeout(() => {
        for (const k of fresh) asked.add(k);
        model.send({ kind: "pictures", points: fresh });
      }, 80);
    }

    async function receive(message, buffers) {
      if (message.kind !== "pictures") return;
      const { buffer, byteOffset } = buffers[0];
      await Promise.all(message.items.map(async (item) => {
        let image = null;
        if (item.length) {
          const jpeg = new Blob([new Uint8Array(buffer, byteOffset + item.offset, item.length)], { type: "image/jpeg" });
          image = await createImageBitmap(jpeg).catch(() => null);
        }
        asked.delete(item.point);
        known.set(item.point, { image, name: item.name, detail: item.detail });
      }));
      for (const [k, found] of known) {
        if (known.size <= KEPT_PICTURES) break;
        found.image?.close();
        known.delete(k);
      }
      asked.clear();
      if (hovered >= 0) showTip(hovered);
      draw();
    }

    // The picture or the point under the pointer, -1 for none.
    function pointAt(left, top) {
      const { shown, size } = pictures.inView(view);
      let best = -1, least = 64;
      for (const [k, x, y] of shown) {
        const image = known.get(k)?.image;
        if (!image) continue;
        const scale = Math.min(size / image.width, size / image.height) / 2;
        if (Math.abs(x - left) <= image.width * scale && Math.abs(y - top) <= image.height * scale) best = k;
      }
      if (best >= 0) return best;
      for (let k = 0; k < total; k += 1) {
        const [x, y] = view.toScreen(places[2 * k], places[2 * k + 1]);
        const distance = (x - left) ** 2 + (y - top) ** 2;
        if (distance < least) { best = k; least = distance; }
      }
      return best;
    }

    function showTip(k) {
      hovered = k;
      tip.hidden = k < 0;
      if (k < 0) return;
      const found = known.get(k);
      if (!found) { ask([k]); tip.hidden = true; return; }
      const [left, top] = view.toScreen(places[2 * k], places[2 * k + 1]);
      const nodes = [elided(found.name), element("span", "imgurer-map-detail", found.detail)];
      if (found.image) {
        const large = element("canvas", "imgurer-map-large");
        large.width = found.image.width;
        large.height = found.image.height;
        large.getContext("2d").drawImage(found.image, 0, 0);
        nodes.unshift(large);
      }
      tip.replaceChildren(...nodes);
      const right = left > view.width / 2;
      tip.style.left = right ? "" : `${left + 16}px`;
      tip.style.right = right ? `${view.width - left + 16}px` : "";
      const low = top > view.height / 2;
      tip.style.top = low ? "" : `${Math.max(0, top)}px`;
      tip.style.bottom = low ? `${Math.max(0, view.height - top)}px` : "";
    }

    const at = (event) => {
      const frame = canvas.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    };
    const howOf = (event) => (event.altKey ? "less" : event.ctrlKey || event.metaKey ? "more" : "new");

    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      const start = at(event);
      drag = { start, last: start, far: false, outline: mode === "move" && !event.shiftKey ? null : [start], box: mode !== "lasso" };
      showTip(-1);
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      const [left, top] = at(event);
      if (!drag) { showTip(pointAt(left, top)); return; }
      drag.far ||= Math.hypot(left - drag.start[0], top - drag.start[1]) > 4;
      if (!drag.outline) {
        view.move(left - drag.last[0], top - drag.last[1]);
      } else if (drag.box) {
        const [x, y] = drag.start;
        drag.outline = [[x, y], [left, y], [left, top], [x, top]];
      } else if (drag.outline.length < 1500 && Math.hypot(left - drag.last[0], top - drag.last[1]) > 3) {
        drag.outline.push([left, top]);
      } else {
        return;
      }
      drag.last = [left, top];
      draw();
    });
    const end = (event) => {
      if (!drag) return;
      const { far, outline, start } = drag;
      drag = null;
      const how = howOf(event);
      if (event.type === "pointercancel") {
        draw();
      } else if (!far) {
        const k = pointAt(...start);
        const again = how === "more" && k >= 0 && selection()[k];
        model.send({ kind: "points", points: k < 0 ? [] : [k], how: again ? "less" : how });
      } else if (outline?.length > 2) {
        model.send({ kind: "outline", corners: outline.map(([left, top]) => view.toMap(left, top)), how });
      }
      draw();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointerleave", () => showTip(-1));
    canvas.addEventListener("dblclick", (event) => zoomBy(2.5, ...at(event)));
    canvas.addEventListener("wheel", (event) => {
      // A page that is scrolled over must not stop at the map.
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      const step = event.deltaMode === 1 ? 24 : 1;
      zoomBy(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * step)) / 250), ...at(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = 60;
      const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      const more = event.ctrlKey || event.metaKey;
      if (moves[event.key] && !more) view.move(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") view.zoom(1.4);
      else if (event.key === "-") view.zoom(1 / 1.4);
      else if (event.key === "0") view.fit();
      else if (event.key === "v") selectView("new");
      else if (more && event.key.toLowerCase() === "a") model.send({ kind: "points", points: [...Array(total).keys()], how: "new" });
      else if (event.key === "Escape") model.send({ kind: "points", points: [], how: "new" });
      else return;
      event.preventDefault();
      event.stopPropagation();
      showTip(-1);
      draw();
    });

    const resized = new ResizeObserver(() => {
      const first = view.width === 1;
      if (!box.clientWidth || !box.clientHeight) return;
      view.resize(box.clientWidth, box.clientHeight);
      if (first) view.fit();
      draw();
    });
    resized.observe(box);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    model.on("msg:custom", receive);
    model.on("change:_selected", draw);
    setMode("move");
    if (!total) box.replaceChildren(element("p", "imgurer-map-empty", "There are no pictures."));
    bar.hidden = !total;
    draw();
    return () => {
      gone = true;
      clearTimeout(asking);
      resized.disconnect();
      dark.removeEventListener("change", draw);
      model.off("msg:custom", receive);
      model.off("change:_selected", draw);
      for (const found of known.values()) found.image?.close();
    };
  },
};
