// Shared by all widgets. `theme.script` joins it in front of each module, hence no exports; the
// table ICONS comes from icons.json.

function element(tag, className = "", text = null) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== null) node.textContent = text;
  return node;
}

function icon(name, className = "") {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", `imgurer-icon ${className}`.trim());
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("fill", "none");
  svg.setAttribute("stroke", "currentColor");
  svg.setAttribute("stroke-width", "1.6");
  svg.setAttribute("stroke-linecap", "round");
  svg.setAttribute("stroke-linejoin", "round");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// Without controls, and the marks that turn the direction of writing: "gpj.exe" must not read
// "exe.jpg".
function plain(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, " ");
}

function lettersOf(text) {
  return typeof Intl.Segmenter === "function"
    ? Array.from(new Intl.Segmenter().segment(text), (part) => part.segment)
    : Array.from(text);
}

// The end of a name tells copies apart (its number, its format), so the middle is cut: the head
// shrinks with its box, the tail never does.
function elided(full) {
  const letters = lettersOf(plain(full));
  return headAndTail(letters, letters.length > 16 ? 9 : 0);
}

// Of a folder the last parts tell most: the tail begins with the first slash that leaves it short
// enough to leave the head a few letters in a tile of clusters (136 px: about 22 letters).
function elidedFolder(full) {
  const letters = lettersOf(plain(full));
  const longest = letters.slice(-14);
  const slash = longest.findIndex((letter) => letter === "/" || letter === "\\");
  return headAndTail(letters, letters.length > 14 ? 14 - Math.max(slash, 0) : 0);
}

function headAndTail(letters, tail) {
  const box = element("span", "imgurer-name");
  box.append(
    element("span", "imgurer-name-head", letters.slice(0, letters.length - tail).join("")),
    element("span", "imgurer-name-tail", tail ? letters.slice(-tail).join("") : ""),
  );
  box.title = letters.join("");
  return box;
}

// Object URLs of the pictures inside one binary blob, given back together.
class Pictures {
  #urls = [];

  constructor(blob) {
    this.blob = blob;
  }

  url(offset, length) {
    if (!length) return "";
    const bytes = new Uint8Array(this.blob.buffer, this.blob.byteOffset + offset, length);
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    this.#urls.push(url);
    return url;
  }

  revoke() {
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
    this.#urls = [];
  }
}

// The box of a picture; an icon stands for one that is missing or cannot be shown.
function pictureBox(url, alt, eager) {
  const box = element("div", "imgurer-picture");
  const missing = icon("picture", "imgurer-missing");
  if (!url) {
    box.append(missing);
    return box;
  }
  const image = element("img");
  image.alt = alt;
  image.loading = eager ? "eager" : "lazy";
  image.decoding = "async";
  image.draggable = false;
  image.addEventListener("error", () => image.replaceWith(missing));
  image.src = url;
  box.append(image);
  return box;
}

// The element on which the pointer is pressed, and what waits for its release.
let pressed = null;
const waitingForRelease = new Set();
addEventListener("pointerdown", notePress, true);
for (const kind of ["pointerup", "pointercancel", "contextmenu", "dragend", "blur"]) {
  addEventListener(kind, release, true);
}

// Menus and lists of choices may take the release: see `isOpenList`.
function notePress(event) {
  pressed = event.button || event.target.closest?.("select") ? null : event.target;
}

function release(event) {
  if (event.type === "blur" && event.target !== window) return; // an element has lost the focus
  pressed = null;
  // The click comes after the release.
  setTimeout(changeWhatWaits);
}

function changeWhatWaits() {
  clearTimeout(changeWhatWaits.later);
  const active = document.activeElement;
  // Nothing tells that a list of choices was closed without a choice.
  if (isOpenList(active)) changeWhatWaits.later = setTimeout(changeWhatWaits, 100);
  if (pressed || isOpenList(active)) return;
  const changes = [...waitingForRelease];
  waitingForRelease.clear();
  for (const change of changes) change();
}

function isOpenList(node) {
  return node?.tagName === "SELECT" && CSS.supports("selector(:open)") && node.matches(":open");
}

// Make a change at once, or after the release of a pointer that is pressed in `el`, or after its
// open list of choices is closed: what is pressed or open is lost if it is replaced before.
function betweenPresses(el, change) {
  return () => {
    const active = document.activeElement;
    const isOpen = el.contains(active) && isOpenList(active);
    if (!isOpen && !(pressed && el.contains(pressed))) return change();
    waitingForRelease.add(change);
    if (isOpen) changeWhatWaits();
  };
}

// Replace the children of `root`; the focus stays on the control of the same name, or at its place.
function replaceChildrenOf(root, ...children) {
  const controls = () => Array.from(root.querySelectorAll("button, a, input, select"));
  const nameOf = (node) => node.getAttribute("aria-label") ?? node.textContent;
  const place = controls().indexOf(document.activeElement);
  const name = place < 0 ? "" : nameOf(document.activeElement);
  root.replaceChildren(...children);
  if (place < 0) return;
  const all = controls();
  const again = all.find((node) => nameOf(node) === name) ?? all[Math.min(place, all.length - 1)];
  again?.focus({ preventScroll: true });
}

function prepare(el, className) {
  el.classList.add("imgurer-widget", className);
  // JupyterLab would otherwise take arrows, Enter and Escape for the notebook's own.
  el.dataset.lmSuppressShortcuts = "true";
}
