// Tiles and the board that they lie on: selection, focus, keys. Joined behind common.js.

function buildTile(tile, pictures, eager) {
  const figure = element("figure", "imgurer-tile");
  figure.setAttribute("role", "option");
  figure.setAttribute("aria-selected", "false");
  figure.setAttribute("aria-label", tile.note ? `${tile.alt}, ${tile.note}` : tile.alt);
  figure.tabIndex = -1;
  figure.dataset.imageId = tile.image_id;

  const picture = pictureBox(pictures.url(tile.offset, tile.length), tile.alt, eager);
  if (tile.badge || tile.meaning) {
    const badge = element("span", `imgurer-badge ${tile.meaning ? `imgurer-${tile.meaning}` : ""}`);
    if (tile.meaning) badge.append(icon(tile.meaning));
    badge.append(element("span", "", tile.badge));
    picture.append(badge);
  }
  const texts = [elided(tile.name)];
  if (tile.folder) {
    const folder = elidedFolder(tile.folder);
    folder.classList.add("imgurer-folder");
    texts.push(folder);
  }
  if (tile.path) {
    figure.title = plain(tile.path);
    // A title of their own would hide the whole path from who points at them.
    texts.forEach((text) => text.removeAttribute("title"));
  }
  figure.append(picture, ...texts);
  if (tile.detail) figure.append(element("div", "imgurer-detail", tile.detail));
  if (tile.note) figure.append(element("div", "imgurer-note", tile.note));
  return figure;
}

function placeholder() {
  const figure = element("div", "imgurer-tile imgurer-placeholder");
  figure.append(
    element("div", "imgurer-picture"),
    element("span", "imgurer-name", "\u00a0"),
    element("div", "imgurer-detail", "\u00a0"),
  );
  return figure;
}

function emptyState(text) {
  const box = element("div", "imgurer-empty");
  box.append(icon("picture"), element("p", "", text));
  return box;
}

// New pictures are decoded before they replace the old ones, else the board would flash.
async function decoded(root, milliseconds) {
  const images = Array.from(root.querySelectorAll('img[loading="eager"]'));
  const all = Promise.allSettled(images.map((image) => image.decode()));
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, milliseconds))]);
}

// The tile that a key leads to; those above and below by where they stand on the page.
function neighborOf(all, tile, key) {
  const position = all.indexOf(tile);
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  if (key === "ArrowLeft") return all[position - 1];
  if (key === "ArrowRight") return all[position + 1];
  const down = key === "ArrowDown";
  const here = tile.getBoundingClientRect();
  let best = null;
  let rank = [Infinity, Infinity];
  for (const other of all) {
    const there = other.getBoundingClientRect();
    const vertical = down ? there.top - here.top : here.top - there.top;
    if (vertical < here.height / 2) continue;
    const horizontal = Math.abs(there.left + there.width / 2 - here.left - here.width / 2);
    const nearerRow = vertical < rank[0] - here.height / 2;
    const sameRow = Math.abs(vertical - rank[0]) <= here.height / 2;
    if (nearerRow || (sameRow && horizontal < rank[1])) {
      best = other;
      rank = [vertical, horizontal];
    }
  }
  return best;
}

// `build(content, pictures, model)` returns the nodes of one state, `waiting()` those of the first wait.
function tileBoard({ model, el, className, build, waiting }) {
  prepare(el, className);
  const root = element("div", "imgurer-board");
  el.append(root);
  let pictures = null;
  let revision = 0;
  let timer = 0;
  let shown = false;

  const tiles = () => Array.from(root.querySelectorAll('.imgurer-tile[role="option"]'));
  const tileOf = (id) => root.querySelector(`.imgurer-tile[data-image-id="${Number(id)}"]`);
  const idOf = (tile) => Number(tile.dataset.imageId);

  function showSelection() {
    const selected = model.get("selected");
    let tabStop = null;
    for (const tile of tiles()) {
      const chosen = idOf(tile) === selected;
      tile.setAttribute("aria-selected", String(chosen));
      tile.tabIndex = -1;
      if (tile === document.activeElement || (chosen && tabStop === null)) tabStop = tile;
    }
    tabStop ??= tiles()[0];
    if (tabStop) tabStop.tabIndex = 0;
  }

  function select(id, delay = 0) {
    for (const tile of tiles()) {
      tile.setAttribute("aria-selected", String(idOf(tile) === id));
    }
    clearTimeout(timer);
    const commit = () => {
      model.set("selected", id);
      model.save_changes();
    };
    // A held arrow key would otherwise ask Python for the details of every picture on its way.
    if (delay) timer = setTimeout(commit, delay);
    else commit();
  }

  function focus(tile) {
    for (const other of tiles()) other.tabIndex = -1;
    tile.tabIndex = 0;
    tile.focus({ preventScroll: true });
    tile.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function ask(kind, tile) {
    model.send({ kind, image_id: idOf(tile) });
  }

  const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
  root.addEventListener("keydown", (event) => {
    const tile = event.target.closest?.('.imgurer-tile[role="option"]');
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys.includes(event.key)) {
      const next = neighborOf(tiles(), tile, event.key);
      if (next) {
        focus(next);
        select(idOf(next), 120);
      }
    } else if (event.key === "Enter") {
      select(idOf(tile));
      ask("open", tile);
    } else if (event.key === " ") {
      select(idOf(tile));
      ask("look", tile);
    } else if (event.key === "c") {
      ask("compare", tile);
    } else if (event.key === "Escape") {
      select(-1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("click", (event) => {
    const tile = event.target.closest('.imgurer-tile[role="option"]');
    if (!tile) return;
    focus(tile);
    select(idOf(tile));
  });
  root.addEventListener("dblclick", (event) => {
    const tile = event.target.closest('.imgurer-tile[role="option"]');
    if (tile) ask("open", tile);
  });

  async function render() {
    const thisRevision = ++revision;
    const content = model.get("_content");
    const fresh = new Pictures(content.blob);
    const nodes = build(content, fresh, model);
    const holder = element("div");
    holder.append(...nodes);
    if (shown) await decoded(holder, 250);
    if (thisRevision !== revision) {
      fresh.revoke();
      return;
    }
    const focused = root.contains(document.activeElement) ? document.activeElement : null;
    const old = pictures;
    pictures = fresh;
    shown = true;
    root.replaceChildren(...holder.childNodes);
    old?.revoke();
    showSelection();
    if (focused) {
      const successor = tileOf(focused.dataset.imageId) ?? tiles()[0];
      if (successor) focus(successor);
    }
    showState();
  }

  function showState() {
    const busy = model.get("busy");
    const empty = tiles().length === 0;
    el.classList.toggle("imgurer-busy", busy);
    root.setAttribute("aria-busy", String(busy));
    root.setAttribute("aria-label", model.get("label"));
    el.style.setProperty("--imgurer-tile", `${model.get("tile_size")}px`);
    if (!empty) return;
    if (busy) root.replaceChildren(...waiting());
    else root.replaceChildren(emptyState(model.get("empty_text")));
  }

  model.on("change:_content", betweenPresses(el, render));
  model.on("change:selected", showSelection);
  for (const name of ["busy", "empty_text", "label", "tile_size"]) {
    model.on(`change:${name}`, showState);
  }
  render();
  const dispose = () => {
    revision += 1;
    clearTimeout(timer);
    pictures?.revoke();
  };
  return { root, dispose };
}
