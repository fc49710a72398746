  // The plan: which rows go, and which row of a cluster is kept instead of the proposed one.
  const ticked = new Set();
  const clusterOf = new Int32Array(files.filename.length);
  for (let c = 0; c < size; c += 1) clusterOf.fill(c, clusters.start[c], clusters.start[c + 1]);
  const canGo = (row) => files.file_id[row] >= 0 && !(files.flags[row] & (REFERENCE | OTHER_NAME))
    && (word("state", row) === "present" || word("state", row) === "")
    && facts[clusterOf[row]].keeper !== row;
  const isOfStore = files.file_id.some((id) => id >= 0);
  byId("plan").hidden = !isOfStore;
  byId("no-plan").hidden = isOfStore;
  const PLAN = ["file_id", "path", "filename", "user", "act", "keeper_id", "keeper_path", "reason", "label", "bytes",
    "along", "left"];
  const cell = (value) => {
    let shown = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r']/.test(shown)) shown = `'${shown}`;
    shown = shown.replace(/\p{Cs}/gu, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
    return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
  };
  // What goes along with ticked files, and what is left without its picture: names by row.
  const besideTicked = () => {
    const found = { along: new Map(), left: new Map() };
    beside.name.forEach((name, k) => {
      const rows = beside.rows[k].filter((row) => ticked.has(row));
      const isAlong = beside.along[k] && rows.length === beside.rows[k].length;
      if (!rows.length || (beside.sidecar[k] && !isAlong)) return;
      const names = found[isAlong ? "along" : "left"];
      const first = Math.min(...rows);
      names.set(first, [...names.get(first) ?? [], name]);
    });
    return found;
  };
  const plan = () => {
    const lines = [PLAN.join(",")];
    const { along, left } = besideTicked();
    const names = (found, row) => (found.get(row) ?? []).join("; ");
    for (const row of [...ticked].sort((one, other) => one - other)) {
      const keeper = facts[clusterOf[row]].keeper;
      const proposed = files.keeper_id[row] === files.file_id[keeper];
      const reason = proposed ? word("keeper_reason", row) : "chosen by hand";
      lines.push([files.file_id[row], files.uploaded[row] ? "" : place(row), files.filename[row],
        word("user", row), "auto", files.file_id[keeper], place(keeper), reason,
        word("label", row), files.bytes[row], names(along, row), names(left, row)].map(cell).join(","));
    }
    return `\ufeff${lines.join("\r\n")}\r\n`;
  };
  const tell = () => {
    let sum = 0;
    for (const row of ticked) sum += files.bytes[row];
    const count = (names) => [...names.values()].flat().length;
    const { along, left } = besideTicked();
    const parts = [`${many(ticked.size, "file")} of ${bytes(sum)} ticked to go`];
    if (along.size) parts.push(`${many(count(along), "sidecar")} along with them`);
    if (left.size) parts.push(`${many(count(left), "raw file, video or sound", "raw files, videos and sounds")} left without a picture`);
    byId("planned").textContent = ticked.size ? parts.join("; ") : "No file is ticked to go";
    byId("save").disabled = byId("untick").disabled = !ticked.size;
  };
  byId("save").addEventListener("click", () => {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([plan()], { type: "text/csv" }));
    link.download = "plan.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
