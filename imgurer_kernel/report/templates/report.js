"use strict";
(() => {
  const KEPT = 1, MEDOID = 2, REFERENCE = 4, PAGE = 100;
  const byId = (id) => document.getElementById(id);
  const main = byId("clusters");
  if (!main) return;
  const { files, words, clusters, pairs, total, bits } = JSON.parse(byId("data").textContent);
  files.picture = JSON.parse(byId("numbers").textContent);
  const size = clusters.id.length;
  const word = (name, row) => { const k = files[name][row]; return k < 0 ? "" : words[name][k]; };
  // Characters that change how their surroundings are shown; half of a surrogate pair is none.
  const plain = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
  const number = new Intl.NumberFormat("en");
  const many = (n, one, more) => `${number.format(n)} ${n === 1 ? one : more || one + "s"}`;
  const bytes = (n) => {
    if (n < 1000) return many(n, "byte");
    const units = ["kB", "MB", "GB", "TB"];
    let k = -1;
    do { n /= 1000; k += 1; } while (n >= 999.5 && k < 3);
    return `${n >= 99.95 ? n.toFixed(0) : n.toFixed(1)} ${units[k]}`;
  };
  const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
  const element = (name, kind, text) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // Pictures lie in parts of the page, a part for each PART of them, in the order of the clusters.
  // A part is read when one of it is shown: all of them would take a second.
  const PART = 200, LEFT_OUT = -1, LOST = -2;
  const parts = [];
  let waiting = false;
  const picture = (row) => {
    const k = files.picture[row];
    if (k < 0) return "";
    const part = Math.floor(k / PART);
    if (!parts[part]) {
      const found = document.querySelectorAll("script.pictures")[part];
      // The page is long, and shown before all of it is there.
      if (!found || (!found.nextSibling && document.readyState === "loading")) { waiting = true; return ""; }
      parts[part] = JSON.parse(found.textContent);
    }
    return parts[part][k % PART];
  };
  const withPictures = files.picture.some((k) => k !== LEFT_OUT);

  // What is known of each cluster, for its order and for the search.
  const facts = [];
  for (let c = 0; c < size; c += 1) {
    const [start, end] = [clusters.start[c], clusters.start[c + 1]];
    const fact = { frees: 0, oldest: Infinity, newest: -Infinity, taken: Infinity, kinds: new Set(),
      formats: new Set(), users: new Set(), medoid: start, keeper: start, decided: false };
    for (let row = start; row < end; row += 1) {
      fact.frees += files.frees[row];
      const modified = files.modified_at[row], taken = files.taken_at[row];
      if (modified !== null) {
        fact.oldest = Math.min(fact.oldest, modified);
        fact.newest = Math.max(fact.newest, modified);
      }
      if (taken !== null) fact.taken = Math.min(fact.taken, taken);
      if (files.flags[row] & MEDOID) fact.medoid = row;
      if (files.flags[row] & KEPT) fact.keeper = row;
      else fact.kinds.add(files.label[row]);
      fact.formats.add(files.format[row]);
      fact.users.add(files.user[row]);
      if (word("verdict", row)) fact.decided = true;
    }
    facts.push(fact);
  }
  const texts = new Array(size);
  const marks = words.folder.map((folder) => {
    const mark = folder.includes("\\") && !folder.includes("/") ? "\\" : "/";
    return folder.endsWith(mark) ? folder : folder + mark;
  });
  const place = (row) => {
    const folder = files.folder[row];
    return folder < 0 ? files.filename[row] : marks[folder] + files.filename[row];
  };
  const SOUGHT = ["camera", "user", "label"];
  const text = (c) => {
    if (texts[c] === undefined) {
      let found = "";
      for (let row = clusters.start[c]; row < clusters.start[c + 1]; row += 1) {
        found += `${place(row)}\n`;
        for (const name of SOUGHT) {
          if (row === clusters.start[c] || files[name][row] !== files[name][row - 1]) found += `${word(name, row)}\n`;
        }
      }
      texts[c] = found.toLowerCase();
    }
    return texts[c];
  };
  // Made ready for the first search while nobody waits.
  const prepare = (from) => {
    const until = Math.min(size, from + 500);
    for (let c = from; c < until; c += 1) text(c);
    if (until < size) setTimeout(prepare, 0, until);
  };
  const evidence = new Map(pairs.row.map((row, k) => [row, k]));

  // The plan: which rows go, and which row of a cluster is kept instead of the proposed one.
  const ticked = new Set();
  const clusterOf = new Int32Array(files.filename.length);
  for (let c = 0; c < size; c += 1) clusterOf.fill(c, clusters.start[c], clusters.start[c + 1]);
  const canGo = (row) => files.file_id[row] >= 0 && !(files.flags[row] & REFERENCE)
    && (word("state", row) === "present" || word("state", row) === "")
    && facts[clusterOf[row]].keeper !== row;
  const PLAN = ["file_id", "path", "filename", "user", "act", "keeper_id", "keeper_path", "reason", "label", "bytes"];
  const cell = (value) => {
    let shown = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r']/.test(shown)) shown = `'${shown}`;
    shown = shown.replace(/\p{Cs}/gu, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
    return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
  };
  const plan = () => {
    const lines = [PLAN.join(",")];
    for (const row of [...ticked].sort((one, other) => one - other)) {
      const keeper = facts[clusterOf[row]].keeper;
      const proposed = files.keeper_id[row] === files.file_id[keeper];
      const reason = proposed ? word("keeper_reason", row) : "chosen by hand";
      lines.push([files.file_id[row], files.uploaded[row] ? "" : place(row), files.filename[row],
        word("user", row), "auto", files.file_id[keeper], place(keeper), reason,
        word("label", row), files.bytes[row]].map(cell).join(","));
    }
    return `\ufeff${lines.join("\r\n")}\r\n`;
  };
  const tell = () => {
    let sum = 0;
    for (const row of ticked) sum += files.bytes[row];
    byId("planned").textContent = ticked.size
      ? `${many(ticked.size, "file")} of ${bytes(sum)} ticked to go` : "No file is ticked to go";
    byId("save").disabled = byId("untick").disabled = !ticked.size;
  };
  byId("save").addEventListener("click", () => {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([plan()], { type: "text/csv" }));
    link.download = "plan.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  const sorts = {
    files: (c) => clusters.start[c] - clusters.start[c + 1], frees: (c) => -facts[c].frees,
    newest: (c) => -facts[c].newest, oldest: (c) => facts[c].oldest, taken: (c) => facts[c].taken,
    weakest: (c) => clusters.weakest[c],
  };
  let shown = [], page = 0;
  const choose = () => {
    const wanted = byId("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const code = (name, list) => byId(name).value === "" ? null : words[list].indexOf(byId(name).value);
    const [kind, format, user] = [code("kind", "label"), code("format", "format"), code("user", "user")];
    const decided = byId("decided").value;
    shown = [];
    for (let c = 0; c < size; c += 1) {
      const fact = facts[c];
      if (kind !== null && !fact.kinds.has(kind)) continue;
      if (format !== null && !fact.formats.has(format)) continue;
      if (user !== null && !fact.users.has(user)) continue;
      if (decided && fact.decided !== (decided === "yes")) continue;
      if (wanted.length && !wanted.every((each) => text(c).includes(each))) continue;
      shown.push(c);
    }
    const by = byId("sort").value;
    if (by === "place") {
      const places = new Map(shown.map((c) => [c, place(clusters.start[c])]));
      shown.sort((a, b) => (places.get(a) < places.get(b) ? -1 : places.get(a) > places.get(b) ? 1 : a - b));
    } else {
      const keys = new Map(shown.map((c) => [c, sorts[by](c)]));
      shown.sort((a, b) => { const [x, y] = [keys.get(a), keys.get(b)]; return x < y ? -1 : x > y ? 1 : a - b; });
    }
    page = 0;
    draw();
  };

  const tile = (row, c) => {
    const fact = facts[c];
    const kept = fact.keeper === row;
    const item = element("li", kept ? "kept" : ticked.has(row) ? "ticked" : "");
    item.dataset.row = row;
    const frame = element("div", "picture");
    const name = plain(files.filename[row]);
    if (withPictures) {
      const jpeg = picture(row);
      if (jpeg) {
        const image = element("img");
        image.alt = `${name}, ${files.width[row]} by ${files.height[row]}, ${word("label", row)}`;
        image.src = `data:image/jpeg;base64,${jpeg}`;
        frame.append(image);
      } else {
        const why = { [LOST]: "its picture is missing in the store", [LEFT_OUT]: "its picture had no room in this file" };
        frame.append(element("i", "", why[files.picture[row]] || "\u2026"));
      }
      item.append(frame);
    }
    item.append(element("bdi", "name", name));
    if (!files.uploaded[row] && word("folder", row)) item.append(element("bdi", "place", plain(word("folder", row))));
    const state = word("state", row);
    const states = [state === "present" ? "" : state, files.flags[row] & REFERENCE ? "in a reference folder" : ""].filter(Boolean);
    if (states.length) item.append(element("span", "state", states.join(", ")));
    const format = word("format", row);
    item.append(element("span", "facts", `${files.width[row]} \u00d7 ${files.height[row]} \u00b7 ${bytes(files.bytes[row])}${format ? ` \u00b7 ${format}` : ""}`));
    const dates = [];
    if (files.taken_at[row] !== null) dates.push(`taken ${day(files.taken_at[row])}`);
    if (files.modified_at[row] !== null) dates.push(`file of ${day(files.modified_at[row])}`);
    if (dates.length) item.append(element("span", "facts", dates.join(" \u00b7 ")));
    if (word("camera", row)) item.append(element("bdi", "facts", plain(word("camera", row))));
    if (row === fact.medoid) item.append(element("span", "facts", "the others were compared with it"));
    else {
      const k = evidence.get(row);
      const more = k === undefined ? "" : pairs.details[pairs.detail[k]];
      item.append(element("b", "", plain(word("label", row)) + (more ? `, ${plain(more)}` : "")));
      item.append(element("span", "facts", `${files.distance_to_medoid[row]} of ${bits} bits \u00b7 agreement ${files.score[row].toFixed(2)}`));
    }
    const proposed = files.file_id[fact.keeper] === files.keeper_id[row] || files.keeper_id[row] < 0;
    const reason = proposed ? word("keeper_reason", row) : "";
    item.append(element("span", "why", kept ? `\u2713 ${reason && proposed ? plain(reason) : "kept"}` : plain(reason)));
    const act = element("div", "act");
    if (canGo(row)) {
      const label = element("label");
      const box = element("input");
      box.type = "checkbox";
      box.checked = ticked.has(row);
      box.dataset.tick = row;
      label.append(box, "goes");
      const keep = element("button", "", "keep");
      keep.type = "button";
      keep.dataset.keep = row;
      act.append(label, keep);
    }
    if (row !== fact.medoid && files.picture[row] >= 0 && files.picture[fact.medoid] >= 0) {
      const look = element("button", "", "compare");
      look.type = "button";
      look.dataset.compare = row;
      act.append(look);
    }
    if (act.childElementCount) item.append(act);
    return item;
  };
  const SHOWN = 60;
  const section = (c, all) => {
    const [start, end] = [clusters.start[c], clusters.start[c + 1]];
    const made = element("section");
    made.dataset.cluster = c;
    made.setAttribute("aria-label", `Cluster ${clusters.id[c]}`);
    const head = element("h2", "", many(end - start, "file"));
    const free = facts[c].frees ? `could free ${bytes(facts[c].frees)}` : "nothing to free";
    head.append(element("small", "", [free, clusters.kinds[c]].filter(Boolean).join(" \u00b7 ")));
    const list = element("ul");
    const last = all ? end : Math.min(end, start + SHOWN);
    for (let row = start; row < last; row += 1) list.append(tile(row, c));
    made.append(head, list);
    if (last < end) {
      const more = element("button", "", `Show ${many(end - last, "more file", "more files")}`);
      more.type = "button";
      more.dataset.all = c;
      made.append(more);
    }
    return made;
  };
  // What fills the first screen at once, the rest of the page right after it.
  const AT_ONCE = 6;
  let drawing = 0;
  const drawSome = (here, from, turn) => {
    if (turn !== drawing) return;
    main.append(...here.slice(from, from + AT_ONCE).map((c) => section(c, false)));
    if (from + AT_ONCE < here.length) setTimeout(drawSome, 0, here, from + AT_ONCE, turn);
  };
  const draw = () => {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    const here = shown.slice(page * PAGE, (page + 1) * PAGE);
    main.replaceChildren();
    drawing += 1;
    drawSome(here, 0, drawing);
    byId("count").textContent = shown.length === size
      ? many(size, "cluster") : `${number.format(shown.length)} of ${many(size, "cluster")}`;
    for (const pager of document.querySelectorAll(".pager")) {
      const back = element("button", "", "\u2190 Back"), on = element("button", "", "Next \u2192");
      back.type = on.type = "button";
      back.disabled = page === 0;
      on.disabled = page + 1 >= pages;
      back.addEventListener("click", () => turn(-1));
      on.addEventListener("click", () => turn(1));
      pager.replaceChildren(back, element("span", "", `page ${number.format(page + 1)} of ${number.format(pages)}`), on);
      pager.hidden = pages === 1;
    }
    tell();
  };
  const turn = (step) => { page += step; draw(); byId("bar").scrollIntoView(); };
  const redraw = (c) => {
    const old = main.querySelector(`section[data-cluster="${c}"]`);
    if (old) old.replaceWith(section(c, old.querySelectorAll("li").length > SHOWN));
  };

  main.addEventListener("change", (event) => {
    const row = Number(event.target.dataset.tick);
    if (event.target.dataset.tick === undefined) return;
    if (event.target.checked) ticked.add(row); else ticked.delete(row);
    event.target.closest("li").className = event.target.checked ? "ticked" : "";
    tell();
  });
  main.addEventListener("click", (event) => {
    const { keep, compare, all } = event.target.dataset;
    if (keep !== undefined) {
      const row = Number(keep), c = clusterOf[row];
      facts[c].keeper = row;
      ticked.delete(row);
      redraw(c);
      tell();
    } else if (compare !== undefined) look(Number(compare));
    else if (all !== undefined) {
      const c = Number(all);
      main.querySelector(`section[data-cluster="${c}"]`).replaceWith(section(c, true));
    }
  });
  byId("tick").addEventListener("click", () => {
    for (const c of shown) {
      for (let row = clusters.start[c]; row < clusters.start[c + 1]; row += 1) if (canGo(row)) ticked.add(row);
    }
    draw();
  });
  byId("untick").addEventListener("click", () => { ticked.clear(); draw(); });

  // The copy laid on the picture that it was compared with, as the search has found it to lie.
  const stage = byId("stage"), over = byId("over"), under = byId("under");
  let blinking = 0, on = true;
  const show = () => {
    const way = document.querySelector("input[name=way]:checked").value;
    clearInterval(blinking);
    stage.className = way;
    over.style.opacity = byId("fade").value / 100;
    byId("fade").disabled = way !== "fade";
    if (way === "blink") blinking = setInterval(() => { on = !on; over.style.opacity = on ? 1 : 0; }, 600);
  };
  const look = (row) => {
    const medoid = facts[clusterOf[row]].medoid;
    const [w, h] = [files.width[medoid], files.height[medoid]];
    const scale = Math.min(480 / w, 480 / h, Math.min(innerWidth - 60, 640) / w);
    const [width, height] = [w * scale, h * scale];
    stage.style.width = `${width}px`;
    stage.style.height = `${height}px`;
    under.src = `data:image/jpeg;base64,${picture(medoid)}`;
    over.src = `data:image/jpeg;base64,${picture(row)}`;
    const k = evidence.get(row);
    const [a, b, x, d, e, y] = k === undefined ? [1, 0, 0, 0, 1, 0] : pairs.map[k];
    over.style.transform = `matrix(${[a, d * height / width, b * width / height, e, x * width / 2, y * height / 2].join(",")})`;
    byId("compare-title").textContent = `${plain(files.filename[row])} on ${plain(files.filename[medoid])}`;
    const said = [word("label", row), `${files.distance_to_medoid[row]} of ${bits} bits differ`, `agreement ${files.score[row].toFixed(2)}`];
    if (k !== undefined) {
      if (pairs.details[pairs.detail[k]]) said.push(pairs.details[pairs.detail[k]]);
      said.push(`${Math.round(100 * pairs.overlap[k])} % of it lies in the other`, `correlation of gradients ${pairs.correlation[k].toFixed(2)}`);
    }
    byId("evidence").textContent = said.map(plain).join(" \u00b7 ");
    byId("compare").showModal();
    show();
  };
  byId("ways").addEventListener("input", show);
  byId("compare").addEventListener("close", () => clearInterval(blinking));

  const fill = (id, list, used) => {
    for (const value of [...words[list]].filter(used).sort()) {
      const option = element("option", "", plain(value));
      option.value = value;
      byId(id).append(option);
    }
    byId(id).parentElement.hidden = byId(id).options.length < 3;
  };
  fill("kind", "label", (value) => value !== "medoid" && value !== "kept");
  fill("format", "format", Boolean);
  fill("user", "user", Boolean);
  byId("decided").parentElement.hidden = !facts.some((fact) => fact.decided);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  let typing = 0;
  byId("controls").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(choose, 60); });
  choose();
  document.documentElement.dataset.ready = total;
  document.addEventListener("DOMContentLoaded", () => {
    if (waiting) draw();
    setTimeout(prepare, 0, 0);
  });
})();
