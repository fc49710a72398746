  const KEPT = 1, MEDOID = 2, REFERENCE = 4, OTHER_NAME = 8, PAGE = 100;
  const byId = (id) => document.getElementById(id);
  const main = byId("clusters");
  if (!main) return;
  const { files, words, clusters, pairs, beside, total, bits } = JSON.parse(byId("data").textContent);
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
    fact.proposed = fact.keeper;
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
