// Two or more pictures side by side with linked zoom; of two also laid on each other: slider,
// blinking, and the map of what differs.

const BLINK = 700; // milliseconds
const MODES = [
  ["side", "Side by side", "s"],
  ["slider", "Slider", "l"],
  ["blink", "Blink", "b"],
  ["difference", "Difference", "d"],
];

// Map a point of the first picture, 0..1, to another one, by an affine map on -1..1.
function mapped(map, x, y) {
  const [a, b, c, d, e, f] = map;
  const u = 2 * x - 1;
  const v = 2 * y - 1;
  return { x: (a * u + b * v + c + 1) / 2, y: (d * u + e * v + f + 1) / 2 };
}

function inverted([a, b, c, d, e, f]) {
  const det = a * e - b * d || 1;
  const p = e / det;
  const q = -b / det;
  const r = -d / det;
  const s = a / det;
  return [p, q, -(p * c + q * f), r, s, -(r * c + s * f)];
}

export default {
  render({ model, el }) {
    prepare(el, "imgurer-compare");
    const inline = model.get("inline");
    const frame = element(inline ? "section" : "dialog", inline ? "imgurer-compare-inline" : "imgurer-overlay");
    frame.setAttribute("aria-label", "Comparison of pictures");
    if (inline) frame.tabIndex = 0;
    const bar = element("div", "imgurer-overlay-bar");
    const sentence = element("p", "imgurer-compare-sentence");
    const stages = element("div", "imgurer-compare-stages");
    const line = element("input", "imgurer-compare-slider");
    const table = element("div", "imgurer-compare-facts");
    const status = element("div", "imgurer-overlay-status");
    status.setAttribute("role", "status");
    Object.assign(line, { type: "range", min: 0, max: 100, step: 0.5, value: 50 });
    line.setAttribute("aria-label", "How much of the first picture is shown, from the left");

    let pictures = null;
    let shown = []; // stages with their picture: {stage, image_id, width, height, map}
    let blinking = 0;
    const originals = new Map();
    const queue = [];
    const content = () => model.get("_content");
    const still = matchMedia("(prefers-reduced-motion: reduce)");

    const buttons = new Map();
    for (const [mode, text, key] of MODES) {
      const button = toolButton("", `${text} (${key})`, () => setMode(mode), text);
      buttons.set(mode, button);
    }
    const stageOf = () => shown[0]?.stage;
    const zoom = (act) => () => stageOf() && act(stageOf());
    bar.append(
      ...buttons.values(),
      element("span", "imgurer-compare-gap"),
      toolButton("minus", "Smaller (-)", zoom((stage) => stage.zoomBy(1 / 1.4))),
      toolButton("plus", "Larger (+)", zoom((stage) => stage.zoomBy(1.4))),
      toolButton("", "The whole pictures (0)", zoom((stage) => stage.setView(FITTED, true)), "Fit"),
      toolButton("", "Pixel for pixel (1)", zoom((stage) => stage.actual()), "100 %"),
    );
    if (!inline) bar.append(toolButton("close", "Close (Escape)", close));
    frame.append(bar, sentence, stages, line, status, table);
    el.append(frame);

    function close() {
      model.set("active", false);
      model.save_changes();
    }
    function setMode(mode) {
      model.set("mode", mode);
      model.save_changes();
    }

    // A view of one stage, carried over to the others so that they show the same part of the scene.
    function follow(source) {
      const { stage: leading, map: from } = source;
      const { x, y, zoom } = leading.view;
      const middle = mapped(inverted(from), x, y);
      const area = (size, map) => {
        const stretch = Math.abs(map[0] * map[4] - map[1] * map[3]) || 1;
        return { width: size.width, height: size.height, stretch };
      };
      const own = area(leading.size, from);
      const scale = (size, root) => Math.min(root.clientWidth / size.width, root.clientHeight / size.height) || 1;
      // Square root of the screen's pixels that the whole first picture would take.
      const extent =
        (scale(leading.size, leading.root) * zoom * Math.sqrt(own.width * own.height)) * Math.sqrt(own.stretch);
      for (const other of shown) {
        if (other === source) continue;
        const size = area(other.stage.size, other.map);
        const fitted = scale(size, other.stage.root) * Math.sqrt(size.width * size.height);
        const wanted = zoom <= 1 ? 1 : extent / Math.sqrt(size.stretch) / fitted;
        other.stage.setView({ zoom: wanted, ...mapped(other.map, middle.x, middle.y) });
      }
    }

    function clear() {
      clearInterval(blinking);
      blinking = 0;
      for (const { stage } of shown) stage.dispose();
      shown = [];
      stages.replaceChildren();
      line.hidden = true;
    }

    // The second name, if there is one, stands at the right end.
    function figure(stage, name, detail, second = "") {
      const box = element("figure", "imgurer-compare-figure");
      const text = element("figcaption");
      text.append(elided(name), element("span", "imgurer-compare-detail", detail));
      if (second) text.append(element("span", "imgurer-compare-gap"), elided(second));
      box.append(text, stage.root);
      return box;
    }

    function showSide() {
      const { tiles, sizes, maps } = content();
      tiles.forEach((tile, place) => {
        const [width, height] = sizes[place];
        const entry = { image_id: tile.image_id, width, height, map: maps[place] };
        entry.stage = pictureStage(tile.alt, () => follow(entry));
        shown.push(entry);
        stages.append(figure(entry.stage, tile.name, tile.detail));
        const original = originals.get(tile.image_id);
        entry.stage.show([original?.url ?? pictures.url(tile.offset, tile.length)], width, height);
        if (!original && !queue.includes(tile.image_id)) queue.push(tile.image_id);
      });
      stages.style.setProperty("--stage-count", tiles.length);
      ask();
    }

    function layer(name) {
      const [offset, length] = content().layers[name];
      return pictures.url(offset, length);
    }

    function showLaid(mode) {
      const { tiles, laid, differing, framed } = content();
      const stage = pictureStage(sentence.textContent);
      const entry = { stage, width: laid[0], height: laid[1], map: [1, 0, 0, 0, 1, 0] };
      shown.push(entry);
      const [first, second] = tiles;
      const captions = {
        slider: [first.name, "", second.name],
        blink: [first.name, ""],
        difference: [
          differing ? "The darker, the more differs" : "Nothing that can be seen differs",
          framed ? "Framed: nothing in common" : "",
        ],
      };
      const box = figure(stage, ...captions[mode]);
      stages.append(box);
      stages.style.setProperty("--stage-count", 1);
      if (mode === "difference") {
        stage.show([layer("difference")], ...laid);
        return;
      }
      stage.show([layer("beneath"), layer("aligned")], ...laid);
      const [, above] = stage.layers;
      if (mode === "slider") {
        line.hidden = false;
        stage.root.append(element("div", "imgurer-compare-line"));
        const cut = () => {
          above.style.clipPath = `inset(0 ${100 - line.value}% 0 0)`;
          stage.root.style.setProperty("--stage-cut", line.value / 100);
        };
        line.oninput = cut;
        cut();
        return;
      }
      const turn = () => {
        const hide = above.style.visibility !== "hidden";
        above.style.visibility = hide ? "hidden" : "";
        box.querySelector("figcaption").replaceChildren(elided((hide ? second : first).name));
      };
      stage.turn = turn;
      if (!still.matches) blinking = setInterval(turn, BLINK);
      status.textContent = still.matches ? "Space turns from one picture to the other." : "";
    }

    function showFacts() {
      const { tiles, facts } = content();
      const grid = element("table");
      const head = element("tr");
      head.append(element("td"));
      for (const tile of tiles) {
        const cell = element("th");
        cell.scope = "col";
        cell.append(elided(tile.name));
        head.append(cell);
      }
      grid.append(head);
      for (const { label, values, differs } of facts) {
        const row = element("tr", differs ? "imgurer-differs" : "");
        const name = element("th", "", label);
        name.scope = "row";
        row.append(name, ...values.map((value) => element("td", "", value || "\u2013")));
        grid.append(row);
      }
      table.replaceChildren(...(facts.length ? [grid] : []));
    }

    function render() {
      clear();
      // Two traits that change together may arrive in either order.
      if (pictures?.blob !== content().blob) {
        pictures?.revoke();
        pictures = new Pictures(content().blob);
        queue.length = 0;
      }
      const active = inline || model.get("active");
      if (!active) {
        if (frame.open) frame.close();
        return;
      }
      if (!inline && !frame.open) frame.showModal();
      const { tiles, layers, text } = content();
      const mode = layers.aligned ? model.get("mode") : "side";
      for (const [name, button] of buttons) {
        button.hidden = tiles.length < 2 || (name !== "side" && tiles.length > 2);
        button.disabled = name !== "side" && !layers.aligned;
        button.setAttribute("aria-pressed", String(name === mode));
      }
      sentence.textContent = text;
      status.textContent = "";
      if (mode === "side") showSide();
      else showLaid(mode);
      showFacts();
    }

    function ask() {
      if (!queue.length || asked !== null) return;
      asked = queue.shift();
      model.send({ kind: "wanted", image_id: asked });
    }
    let asked = null;
    function answered() {
      asked = null;
      ask();
    }

    const stop = chunkReceiver(model, {
      onDone(blob, { image_id: id, width, height }) {
        originals.set(id, { url: URL.createObjectURL(blob) });
        for (const { stage, image_id: shownId } of shown) {
          if (shownId === id) stage.show([originals.get(id).url], width, height, true);
        }
        status.textContent = "";
        answered();
      },
      onProgress(bytes, { size }) {
        if (size > 1_000_000) status.textContent = `Loading an original, ${Math.floor((100 * bytes) / size)} %`;
      },
      onBroken: answered,
    });
    const failed = (message) => {
      if (message.kind !== "failed") return;
      status.textContent = message.text;
      answered();
    };
    model.on("msg:custom", failed);

    frame.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    frame.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target === line) return;
      const mode = MODES.find(([, , key]) => key === event.key)?.[0];
      if (mode && !buttons.get(mode).hidden && !buttons.get(mode).disabled) setMode(mode);
      else if (event.key === " " && stageOf()?.turn && event.target.closest("button") === null) stageOf().turn();
      else if (!(stageOf() && stageKey(stageOf(), event))) return;
      event.preventDefault();
      event.stopPropagation();
    });

    const observed = { "change:_content": render, "change:mode": render, "change:active": render };
    for (const [name, act] of Object.entries(observed)) model.on(name, act);
    render();
    return () => {
      for (const [name, act] of Object.entries(observed)) model.off(name, act);
      model.off("msg:custom", failed);
      stop();
      clear();
      pictures?.revoke();
      for (const { url } of originals.values()) URL.revokeObjectURL(url);
    };
  },
};
