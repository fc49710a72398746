// A picture that can be zoomed and moved by wheel, drag, pinch and keys. Joined behind common.js.
//
// A view is {zoom, x, y}: zoom 1 shows the whole picture; (x, y), 0..1, is the point of the picture
// in the middle of the stage. Views mean the same whatever the resolution, so that a thumbnail can
// be replaced by the original, and stages can follow each other.

const FITTED = Object.freeze({ zoom: 1, x: 0.5, y: 0.5 });
const MAX_ENLARGED = 16; // screen pixels for each pixel of the original

function pictureStage(label, onView = () => {}) {
  const root = element("div", "imgurer-stage");
  root.setAttribute("role", "img");
  root.setAttribute("aria-label", label);
  root.tabIndex = 0;
  root.autofocus = true; // of an overlay that opens
  const layers = [];
  let size = { width: 1, height: 1 };
  let view = FITTED;

  const fit = () => {
    const { clientWidth, clientHeight } = root;
    const scale = Math.min(clientWidth / size.width, clientHeight / size.height) || 1;
    // A small picture is shown as it is, not blown up to the whole stage.
    return Math.min(scale, MAX_ENLARGED / 4);
  };
  const shown = () => ({ width: size.width * fit() * view.zoom, height: size.height * fit() * view.zoom });

  function clamped(wanted) {
    const zoom = Math.min(Math.max(wanted.zoom, 1), Math.max(1, MAX_ENLARGED / fit()));
    const width = size.width * fit() * zoom;
    const height = size.height * fit() * zoom;
    const keep = (value, extent, room) => {
      const margin = extent <= room ? 0.5 : room / extent / 2;
      return Math.min(Math.max(value, margin), 1 - margin);
    };
    return { zoom, x: keep(wanted.x, width, root.clientWidth), y: keep(wanted.y, height, root.clientHeight) };
  }

  function draw() {
    const { width, height } = shown();
    const left = root.clientWidth / 2 - view.x * width;
    const top = root.clientHeight / 2 - view.y * height;
    for (const image of layers) {
      image.style.width = `${width}px`;
      image.style.height = `${height}px`;
      image.style.transform = `translate(${left}px, ${top}px)`;
      image.classList.toggle("imgurer-pixels", fit() * view.zoom >= 3);
    }
    root.classList.toggle("imgurer-movable", view.zoom > 1);
    root.style.setProperty("--stage-left", `${left}px`);
    root.style.setProperty("--stage-shown", `${width}px`);
  }

  function setView(wanted, byUser = false) {
    view = clamped(wanted);
    draw();
    if (byUser) onView(view);
  }

  // Keeps the point of the picture under (clientX, clientY) where it is.
  function zoomAt(factor, clientX, clientY) {
    const box = root.getBoundingClientRect();
    const before = shown();
    const dx = clientX - box.left - root.clientWidth / 2;
    const dy = clientY - box.top - root.clientHeight / 2;
    const zoom = clamped({ ...view, zoom: view.zoom * factor }).zoom;
    const after = { width: (before.width / view.zoom) * zoom, height: (before.height / view.zoom) * zoom };
    const x = view.x + dx / before.width - dx / after.width;
    const y = view.y + dy / before.height - dy / after.height;
    setView({ zoom, x, y }, true);
  }

  function zoomBy(factor) {
    setView({ ...view, zoom: view.zoom * factor }, true);
  }

  function pan(dx, dy) {
    const { width, height } = shown();
    setView({ ...view, x: view.x - dx / width, y: view.y - dy / height }, true);
  }

  const isActual = () => Math.abs(fit() * view.zoom * devicePixelRatio - 1) < 0.01;
  const actual = () => setView({ ...view, zoom: 1 / fit() / devicePixelRatio }, true);

  root.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      // A pinch on a touchpad comes as a wheel with Ctrl, in small steps.
      zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX, event.clientY);
    },
    { passive: false },
  );
  const pointers = new Map();
  root.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    root.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  root.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (!other) {
      pan(now.x - before.x, now.y - before.y);
      return;
    }
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    if (distance(before) > 0) {
      zoomAt(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    }
  });
  for (const name of ["pointerup", "pointercancel"]) {
    root.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }
  root.addEventListener("dblclick", (event) => {
    if (view.zoom > 1) setView(FITTED, true);
    else zoomAt(1 / fit() / devicePixelRatio, event.clientX, event.clientY);
  });
  const observer = new ResizeObserver(() => setView(view));
  observer.observe(root);

  return {
    root,
    get view() {
      return view;
    },
    get size() {
      return size;
    },
    // Layers lie on each other, the first at the bottom. A view is kept where `keep` says so.
    show(urls, width, height, keep = false) {
      size = { width: Math.max(width, 1), height: Math.max(height, 1) };
      while (layers.length > urls.length) layers.pop().remove();
      urls.forEach((url, place) => {
        if (!layers[place]) {
          layers[place] = element("img");
          layers[place].alt = "";
          layers[place].draggable = false;
          root.append(layers[place]);
        }
        if (layers[place].src !== url) layers[place].src = url;
      });
      setView(keep ? view : FITTED);
    },
    setView,
    zoomBy,
    pan,
    actual,
    isActual,
    layers,
    dispose: () => observer.disconnect(),
  };
}

// Handle keys that move and zoom a stage; return whether the key was one of them.
function stageKey(stage, event) {
  const step = 80;
  const acts = {
    "+": () => stage.zoomBy(1.4),
    "=": () => stage.zoomBy(1.4),
    "-": () => stage.zoomBy(1 / 1.4),
    0: () => stage.setView(FITTED, true),
    1: () => stage.actual(),
  };
  if (stage.view.zoom > 1) {
    acts.ArrowLeft = () => stage.pan(step, 0);
    acts.ArrowRight = () => stage.pan(-step, 0);
    acts.ArrowUp = () => stage.pan(0, step);
    acts.ArrowDown = () => stage.pan(0, -step);
  }
  const act = acts[event.key];
  if (!act) return false;
  act();
  return true;
}

function toolButton(name, title, act, text = "") {
  const button = element("button", "imgurer-tool");
  button.type = "button";
  button.title = title;
  button.setAttribute("aria-label", title);
  if (name) button.append(icon(name));
  if (text) button.append(element("span", "", text));
  button.addEventListener("click", act);
  return button;
}
