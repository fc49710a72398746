// The geometry of a map: what is seen of it, and which of its points have room for a picture.
// Joined behind common.js.

const MAP_CELL = 44; // pixels that a picture has for itself, at least
const MAP_LARGER = 2; // octaves by which it may have more

// A view of a plane in which 1 is the width of the map; y points up there, and down on a screen.
class MapView {
  constructor() {
    this.x = 0.5;
    this.y = 0.5;
    this.scale = 1;
    this.width = this.height = 1;
  }

  get whole() {
    return Math.max(50, Math.min(this.width, this.height) - 2 * 64);
  }

  fit() {
    this.x = this.y = 0.5;
    this.scale = this.whole;
  }

  resize(width, height) {
    const zoom = this.scale / this.whole;
    this.width = width;
    this.height = height;
    this.scale = this.whole * zoom;
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2];
  }

  toMap(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (this.height / 2 - top) / this.scale + this.y];
  }

  move(left, top) {
    this.x = Math.min(1.1, Math.max(-0.1, this.x - left / this.scale));
    this.y = Math.min(1.1, Math.max(-0.1, this.y + top / this.scale));
  }

  // Keep the point under the pointer at its place.
  zoom(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.toMap(left, top);
    this.scale = Math.min(this.whole * 4000, Math.max(this.whole * 0.6, this.scale * factor));
    const [now, at] = this.toScreen(x, y);
    this.move(left - now, top - at);
  }
}

// For each octave of zoom the points that have a picture: no two of them nearer than a cell, those
// that come first before the others, and the same ones wherever one looks.
class MapPictures {
  constructor(places) {
    this.places = places;
    this.levels = new Map();
  }

  level(scale) {
    return Math.min(24, Math.max(0, Math.floor(Math.log2(scale / MAP_CELL))));
  }

  at(level) {
    if (this.levels.has(level)) return this.levels.get(level);
    const cell = 2 ** -level;
    const taken = new Map(), chosen = [];
    const key = (x, y) => `${x} ${y}`;
    for (let k = 0; k < this.places.length / 2; k += 1) {
      const [x, y] = [this.places[2 * k], this.places[2 * k + 1]];
      const [column, row] = [Math.floor(x / cell), Math.floor(y / cell)];
      let free = true;
      for (let c = column - 1; free && c <= column + 1; c += 1) {
        for (let r = row - 1; free && r <= row + 1; r += 1) {
          const other = taken.get(key(c, r));
          if (other === undefined) continue;
          free = Math.abs(this.places[2 * other] - x) >= cell || Math.abs(this.places[2 * other + 1] - y) >= cell;
        }
      }
      if (!free) continue;
      taken.set(key(column, row), k);
      chosen.push(k);
    }
    if (this.levels.size > 6) this.levels.delete(this.levels.keys().next().value);
    this.levels.set(level, chosen);
    return chosen;
  }

  // Pictures are larger where all of what is in view has room for that.
  inView(view) {
    const least = this.level(view.scale);
    const coarsest = Math.max(0, least - MAP_LARGER);
    const points = [];
    for (let k = 0; k < this.places.length / 2; k += 1) {
      const [left, top] = view.toScreen(this.places[2 * k], this.places[2 * k + 1]);
      if (left >= 0 && top >= 0 && left <= view.width && top <= view.height) points.push(k);
      if (points.length > 200) break;
    }
    let level = least;
    if (points.length <= 200) {
      for (level = coarsest; level < least; level += 1) {
        const chosen = new Set(this.at(level));
        if (points.every((k) => chosen.has(k))) break;
      }
    }
    const size = Math.min(176, view.scale * 2 ** -level * 0.92);
    const shown = [];
    for (const k of this.at(level)) {
      const [left, top] = view.toScreen(this.places[2 * k], this.places[2 * k + 1]);
      if (left < -size || top < -size || left > view.width + size || top > view.height + size) continue;
      shown.push([k, left, top]);
    }
    return { shown, size };
  }
}
