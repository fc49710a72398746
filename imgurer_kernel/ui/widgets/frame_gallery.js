// The selection as a set of places, and as the ranges that travel.
function placesOf(ranges) {
  const places = new Set();
  for (const [start, stop] of ranges) for (let n = start; n < stop; n += 1) places.add(n);
  return places;
}

function rangesOf(places) {
  const ranges = [];
  for (const place of Array.from(places).sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === place) last[1] += 1;
    else ranges.push([place, place + 1]);
  }
  return ranges;
}

export default {
  render({ model, el }) {
    prepare(el, "imgurer-gallery");
    const bar = element("div", "imgurer-frame-bar");
    const words = element("span", "imgurer-frame-words");
    words.setAttribute("role", "status");
    const press = (text, action) => {
      const node = element("button", "imgurer-frame-button", text);
      node.type = "button";
      node.addEventListener("click", action);
      return node;
    };
    const all = press("Select all", () => select(everything()));
    const none = press("Select none", () => select(new Set()));
    const turn = (step) => model.send({ kind: "page", value: model.get("page") + step });
    const before = press("Previous page", () => turn(-1));
    const after = press("Next page", () => turn(1));
    bar.append(words, all, none, before, after);
    const root = element("div", "imgurer-board");
    root.setAttribute("role", "listbox");
    root.setAttribute("aria-multiselectable", "true");
    el.append(bar, root);
    let pictures = null;
    let anchor = -1;
    let wantsFocus = "";

    const tiles = () => Array.from(root.querySelectorAll(".imgurer-tile"));
    const placeOf = (tile) => Number(tile.dataset.place);
    const selected = () => placesOf(model.get("ranges"));
    const everything = () => placesOf([[0, model.get("total")]]);
    const pages = () => Math.max(1, Math.ceil(model.get("total") / model.get("page_size")));

    function select(places) {
      model.set("ranges", rangesOf(places));
      model.save_changes();
      showSelection();
    }

    function between(one, other) {
      return placesOf([[Math.min(one, other), Math.max(one, other) + 1]]);
    }

    // As in any list of files: alone, one more or less, or all from the last one on.
    function choose(place, { more, range }) {
      const chosen = more ? selected() : new Set();
      if (range && anchor >= 0) {
        for (const each of between(anchor, place)) chosen.add(each);
      } else if (more && chosen.has(place)) {
        chosen.delete(place);
        anchor = place;
      } else {
        chosen.add(place);
        anchor = place;
      }
      select(chosen);
    }

    function focus(tile) {
      for (const other of tiles()) other.tabIndex = -1;
      tile.tabIndex = 0;
      tile.focus({ preventScroll: true });
      tile.scrollIntoView({ block: "nearest" });
    }

    function showSelection() {
      const chosen = selected();
      for (const tile of tiles()) {
        tile.setAttribute("aria-selected", String(chosen.has(placeOf(tile))));
      }
      const total = model.get("total");
      const number = (count) => count.toLocaleString("en");
      const parts = [`${number(total)} ${total === 1 ? "row" : "rows"}`];
      if (pages() > 1) parts.push(`page ${number(model.get("page") + 1)} of ${number(pages())}`);
      parts.push(`${number(chosen.size)} selected`);
      words.textContent = parts.join(" · ");
      none.disabled = !chosen.size;
      all.disabled = chosen.size === total;
      before.hidden = after.hidden = pages() < 2;
      before.disabled = model.get("page") === 0;
      after.disabled = model.get("page") >= pages() - 1;
    }

    const arrows = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
    root.addEventListener("keydown", (event) => {
      const tile = event.target.closest?.(".imgurer-tile");
      if (!tile || event.altKey) return;
      const more = event.ctrlKey || event.metaKey;
      if (arrows.includes(event.key)) {
        const next = neighborOf(tiles(), tile, event.key);
        if (next) focus(next);
        if (next && event.shiftKey) {
          if (anchor < 0) anchor = placeOf(tile);
          choose(placeOf(next), { more, range: true });
        }
      } else if (event.key === " ") {
        choose(placeOf(tile), { more: true, range: event.shiftKey });
      } else if (event.key === "Enter") {
        choose(placeOf(tile), { more, range: event.shiftKey });
      } else if (more && event.key.toLowerCase() === "a") {
        select(everything());
      } else if (event.key === "Escape") {
        select(new Set());
      } else if (event.key === "PageDown" || event.key === "PageUp") {
        const step = event.key === "PageDown" ? 1 : -1;
        if (model.get("page") + step < 0 || model.get("page") + step >= pages()) return;
        wantsFocus = step > 0 ? "first" : "last";
        turn(step);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
    root.addEventListener("click", (event) => {
      const tile = event.target.closest(".imgurer-tile");
      if (!tile) return;
      focus(tile);
      choose(placeOf(tile), { more: event.ctrlKey || event.metaKey, range: event.shiftKey });
    });

    function render() {
      const content = model.get("_content");
      const had = root.contains(document.activeElement);
      const old = pictures;
      pictures = new Pictures(content.blob);
      const nodes = [];
      content.tiles.forEach((tile, number) => {
        if (tile.heading) nodes.push(element("h4", "imgurer-frame-heading", plain(tile.heading)));
        const node = buildTile(tile, pictures, number < 24);
        node.dataset.place = tile.place;
        nodes.push(node);
      });
      root.replaceChildren(...(nodes.length ? nodes : [emptyState(model.get("empty_text"))]));
      old?.revoke();
      root.setAttribute("aria-label", model.get("label"));
      const [first, last] = [tiles()[0], tiles().at(-1)];
      if (first) first.tabIndex = 0;
      const target = wantsFocus === "last" ? last : first;
      if (target && (had || wantsFocus)) focus(target);
      wantsFocus = "";
      bar.hidden = !model.get("total");
      showSelection();
    }

    model.on("change:_content", betweenPresses(el, render));
    for (const name of ["ranges", "total", "page"]) model.on(`change:${name}`, showSelection);
    render();
    return () => pictures?.revoke();
  },
};
