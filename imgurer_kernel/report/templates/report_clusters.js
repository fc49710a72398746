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

  // A line of facts breaks between them, and not within a date or a number with its unit.
  const line = (...parts) => {
    const made = element("span", "facts");
    parts.forEach((part, k) => made.append(k ? " \u00b7 " : "", element("span", "fact", part)));
    return made;
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
    const states = [state === "present" ? "" : state, files.flags[row] & REFERENCE ? "in a reference folder" : "",
      files.flags[row] & OTHER_NAME ? "a link, or another name of a file that stays" : ""].filter(Boolean);
    if (states.length) item.append(element("span", "state", states.join(", ")));
    const format = word("format", row);
    item.append(line(`${files.width[row]} \u00d7 ${files.height[row]}`, bytes(files.bytes[row]), ...(format ? [format] : [])));
    const dates = [];
    if (files.taken_at[row] !== null) dates.push(`taken ${day(files.taken_at[row])}`);
    if (files.modified_at[row] !== null) dates.push(`file of ${day(files.modified_at[row])}`);
    if (dates.length) item.append(line(...dates));
    if (word("camera", row)) item.append(element("bdi", "facts", plain(word("camera", row))));
    const k = row === fact.medoid ? undefined : evidence.get(row);
    // What a file is to the one that is kept, which need not be the one that all were compared with.
    const label = ["kept", "medoid"].includes(word("label", row)) ? "" : word("label", row);
    const what = [label, k === undefined ? "" : pairs.details[pairs.detail[k]]].filter(Boolean).map(plain);
    if (what.length) item.append(element("b", "", what.join(", ")));
    if (row === fact.medoid) item.append(element("span", "facts", "the others were compared with it"));
    else {
      item.append(line(`${files.distance_to_medoid[row]} of ${bits} bits`, `agreement ${files.score[row].toFixed(2)}`));
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
    // What is proposed to be kept stands first, and stays there whatever is chosen.
    const first = facts[c].proposed;
    list.append(tile(first, c));
    for (let row = start; row < (first < last ? last : last - 1); row += 1) if (row !== first) list.append(tile(row, c));
    made.append(head, list);
    if (last < end) {
      const more = element("button", "", `Show ${many(end - last, "more file", "more files")}`);
      more.type = "button";
      more.dataset.all = c;
      made.append(more);
    }
    return made;
  };
  const FILTERS = ["search", "kind", "format", "user", "decided"];
  const nothing = () => {
    const made = element("p", "none", "No cluster has what is searched for and chosen above. ");
    const all = element("button", "", "Show all clusters");
    all.type = "button";
    all.addEventListener("click", () => {
      for (const name of FILTERS) byId(name).value = "";
      choose();
      byId("search").focus();
    });
    made.append(all);
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
    if (!here.length) main.append(nothing());
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
