// One picture after the other in full resolution, over the whole page.

const KEPT = 5; // originals that stay in memory

export default {
  render({ model, el }) {
    prepare(el, "imgurer-viewer");
    const dialog = element("dialog", "imgurer-overlay");
    dialog.setAttribute("aria-label", "Picture in full resolution");
    const stage = pictureStage("The picture");
    const title = element("div", "imgurer-overlay-title");
    const place = element("span", "imgurer-overlay-place");
    const status = element("div", "imgurer-overlay-status");
    status.setAttribute("role", "status");
    const facts = element("aside", "imgurer-overlay-facts");
    const originals = new Map(); // image_id to {url, width, height, note}, the last used one last
    let pictures = null;
    let wanted = -1;

    const tiles = () => model.get("_content").tiles;
    const current = () => tiles()[model.get("position")];

    function go(position) {
      if (position < 0 || position >= tiles().length) return;
      model.set("position", position);
      model.save_changes();
    }
    function close() {
      model.set("position", -1);
      model.save_changes();
    }
    function toggleFacts() {
      facts.hidden = !facts.hidden;
      stage.setView(stage.view);
    }

    const previous = toolButton("previous", "Previous picture (left arrow)", () => go(model.get("position") - 1));
    const next = toolButton("next", "Next picture (right arrow)", () => go(model.get("position") + 1));
    const bar = element("div", "imgurer-overlay-bar");
    bar.append(
      title,
      place,
      toolButton("minus", "Smaller (-)", () => stage.zoomBy(1 / 1.4)),
      toolButton("plus", "Larger (+)", () => stage.zoomBy(1.4)),
      toolButton("", "The whole picture (0)", () => stage.setView(FITTED), "Fit"),
      toolButton("", "One pixel of the picture on one of the screen (1)", () => stage.actual(), "100 %"),
      toolButton("info", "What is known of it (i)", toggleFacts),
      previous,
      next,
      toolButton("close", "Close (Escape)", close),
    );
    const middle = element("div", "imgurer-overlay-middle");
    middle.append(stage.root, facts);
    dialog.append(bar, middle, status);
    el.append(dialog);

    function showOriginal(id) {
      const original = originals.get(id);
      originals.delete(id);
      originals.set(id, original);
      stage.show([original.url], original.width, original.height, true);
      status.textContent = original.note;
    }

    function ask() {
      const tile = current();
      if (!tile || originals.has(tile.image_id) || wanted === tile.image_id) return;
      wanted = tile.image_id;
      status.textContent = "Loading the original";
      model.send({ kind: "wanted", image_id: tile.image_id });
    }

    function render() {
      const tile = current();
      // Two traits that change together may arrive in either order.
      if (pictures?.blob !== model.get("_content").blob) {
        pictures?.revoke();
        pictures = new Pictures(model.get("_content").blob);
      }
      if (!tile) {
        wanted = -1;
        if (dialog.open) dialog.close();
        return;
      }
      // Chromium and Firefox themselves move the focus back when the dialog is closed.
      if (!dialog.open) dialog.showModal();
      title.replaceChildren(elided(tile.name));
      const position = model.get("position");
      place.textContent = `${position + 1} of ${tiles().length}`;
      previous.disabled = position === 0;
      next.disabled = position === tiles().length - 1;
      stage.root.setAttribute("aria-label", tile.alt);
      const [width, height] = model.get("_content").sizes[position];
      stage.show([pictures.url(tile.offset, tile.length)], width, height);
      if (originals.has(tile.image_id)) showOriginal(tile.image_id);
      else ask();
    }

    function showFacts() {
      const list = element("dl");
      for (const [label, value] of model.get("facts")) {
        list.append(element("dt", "", label), element("dd", "", value));
      }
      facts.replaceChildren(list);
    }

    const stop = chunkReceiver(model, {
      onDone(blob, { image_id: id, width, height, note }) {
        originals.set(id, { url: URL.createObjectURL(blob), width, height, note });
        if (originals.size > KEPT) {
          const [oldest] = originals.keys();
          URL.revokeObjectURL(originals.get(oldest).url);
          originals.delete(oldest);
        }
        wanted = -1;
        if (current()?.image_id === id) showOriginal(id);
        else ask();
      },
      onProgress(bytes, { size, image_id: id }) {
        if (current()?.image_id === id && size) {
          status.textContent = `Loading the original, ${Math.floor((100 * bytes) / size)} %`;
        }
      },
      onBroken() {
        wanted = -1;
      },
    });
    const failed = (message) => {
      if (message.kind !== "failed") return;
      wanted = -1;
      if (current()?.image_id === message.image_id) status.textContent = message.text;
    };
    model.on("msg:custom", failed);

    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    dialog.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const position = model.get("position");
      if (event.key === "i") toggleFacts();
      else if (event.key === " " && event.target.closest("button") === null) close();
      else if (stageKey(stage, event)) event.stopPropagation();
      else if (event.key === "ArrowLeft") go(position - 1);
      else if (event.key === "ArrowRight") go(position + 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const observed = { "change:_content": render, "change:position": render, "change:facts": showFacts };
    for (const [name, act] of Object.entries(observed)) model.on(name, act);
    showFacts();
    render();
    return () => {
      for (const [name, act] of Object.entries(observed)) model.off(name, act);
      model.off("msg:custom", failed);
      stop();
      stage.dispose();
      pictures?.revoke();
      for (const { url } of originals.values()) URL.revokeObjectURL(url);
    };
  },
};
