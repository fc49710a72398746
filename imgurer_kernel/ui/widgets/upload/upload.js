const FILTERS = [
  ["rejected", "Rejected"],
  ["failed", "Failed"],
  ["near", "Near duplicates"],
  ["duplicate", "Already here"],
  ["added", "Added"],
];

const CLUTTER = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

async function filesOf(entry, files) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) files.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // a reader gives at most a hundred entries at a time
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return;
    for (const each of some) if (!CLUTTER.test(each.name)) await filesOf(each, files);
  }
}

// What a picture was copied from names it at random, or not at all.
function pasted(transfer) {
  return Array.from(transfer.files, (file) => {
    const kind = file.name.split(".").at(-1);
    return /^image\.\w+$/.test(file.name) ? new File([file], `pasted.${kind}`, { type: file.type }) : file;
  });
}

async function dropped(transfer) {
  // entries must be taken before the first await: the list is emptied after the event
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return Array.from(transfer.files);
  const files = [];
  for (const entry of entries) await filesOf(entry, files);
  return files;
}

function summary(rows, transfer) {
  const settled = rows.filter((row) => !transfer.open(row));
  const parts = [`${settled.length} of ${rows.length} ${rows.length === 1 ? "file" : "files"}`];
  for (const [status, label] of Object.entries({
    added: "added",
    duplicate: "already here",
    near: "near duplicates",
    rejected: "rejected",
    failed: "failed",
  })) {
    const matching = settled.filter((row) => row.state !== "cancelled" && row.status === status);
    if (matching.length) parts.push(`${matching.length} ${label}`);
  }
  const cancelled = rows.filter((row) => row.state === "cancelled").length;
  if (cancelled) parts.push(`${cancelled} cancelled`);
  return parts;
}

function buildView(model, el, transfer) {
  prepare(el, "imgurer-upload");
  const views = new Map();
  const area = element("div", "imgurer-drop");
  const choose = element("button", "imgurer-link", "choose files");
  const folder = element("button", "imgurer-link", "a folder");
  const inputs = [choose, folder].map((trigger, place) => {
    trigger.type = "button";
    const input = element("input", "imgurer-input");
    input.type = "file";
    input.hidden = true;
    if (place) input.webkitdirectory = true;
    trigger.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const files = Array.from(input.files);
      const wanted = place ? files.filter((file) => !CLUTTER.test(file.name)) : files;
      input.value = ""; // else the same file cannot be chosen twice
      transfer.add(wanted);
    });
    return input;
  });
  const prompt = element("p", "imgurer-prompt");
  const total = element("div", "imgurer-total");
  const spoken = element("div", "imgurer-hidden");
  spoken.setAttribute("role", "status");
  const totalWords = element("div", "imgurer-total-words");
  const totalBar = element("div", "imgurer-bar");
  totalBar.append(element("span"));
  const totalActions = element("div", "imgurer-upload-actions");
  total.append(totalWords, totalActions, totalBar);
  const list = element("ul", "imgurer-upload-rows");
  const filters = element("div", "imgurer-upload-filters");
  filters.setAttribute("role", "group");
  filters.setAttribute("aria-label", "Show");
  area.append(icon("upload"), prompt, ...inputs);
  el.append(area, total, filters, spoken, list);

  function arrange() {
    const multiple = model.get("multiple");
    inputs[0].multiple = multiple;
    el.classList.toggle("imgurer-upload-single", !multiple || !model.get("listed"));
    choose.textContent = multiple ? "choose files" : "choose a file";
    const parts = [`${model.get("prompt")}, `, choose];
    if (multiple) parts.push(", ", folder);
    parts.push(" or paste");
    prompt.replaceChildren(...parts);
  }

  // A single file is searched for immediately, and has no totals.
  const waitingFor = (rows) => rows.length > 1 && rows.some((row) => transfer.open(row));

  let frame = 0;
  let lastPhrase = "";
  function totals() {
    frame = 0;
    const rows = transfer.rows;
    const many = model.get("multiple") && (model.get("listed") ? rows.length > 0 : waitingFor(rows));
    total.hidden = !many;
    filters.hidden ||= !many;
    if (!many) return;
    const bytes = rows.reduce((sum, row) => sum + row.size, 0);
    const received = rows.reduce((sum, row) => sum + (transfer.open(row) ? row.received : row.size), 0);
    const busy = rows.some((row) => transfer.open(row));
    const parts = summary(rows, transfer);
    showFilters(rows);
    if (busy) parts.push(`${humanBytes(received)} of ${humanBytes(bytes)}`);
    totalWords.textContent = parts.join(" · ");
    totalBar.hidden = !busy;
    totalBar.firstChild.style.transform = `scaleX(${bytes ? received / bytes : 1})`;
    const waiting = rows.filter((row) => transfer.open(row) && row.state !== "judging");
    const again = rows.filter((row) => row.state === "failed" && transfer.retryable(row));
    const wanted = [];
    if (waiting.length > 1) wanted.push("Cancel all");
    if (!busy && again.length > 1) wanted.push("Retry failed");
    if (!busy) wanted.push("Clear list");
    if (Array.from(totalActions.children, (node) => node.textContent).join() !== wanted.join()) {
      const made = {
        "Cancel all": () => button("Cancel all", "close", () => transfer.cancelAll()),
        "Retry failed": () => button("Retry failed", "retry", () => again.forEach((row) => transfer.retry(row))),
        "Clear list": () => button("Clear list", "", () => (transfer.clear(), model.send({ kind: "cleared" }))),
      };
      replaceChildrenOf(totalActions, ...wanted.map((name) => made[name]()));
    }
    const phrase = busy ? "" : parts.join(", ");
    if (phrase !== lastPhrase) spoken.textContent = lastPhrase = phrase;
  }

  let chosen = ""; // the status of which rows are shown; empty for all
  const filtered = (row) => chosen !== "" && row.status !== chosen;

  function showFilters(rows) {
    const kinds = model.get("listed")
      ? FILTERS.filter(([status]) => rows.some((row) => row.status === status))
      : [];
    if (!kinds.some(([status]) => status === chosen)) chosen = "";
    const wanted = kinds.length > 1 ? [["", "All"], ...kinds] : [];
    filters.hidden = !wanted.length;
    if (Array.from(filters.children, (node) => node.value).join() !== wanted.map(([s]) => s).join()) {
      replaceChildrenOf(
        filters,
        ...wanted.map(([status, label]) => {
          const node = button(label, "", () => {
            chosen = status;
            showFilters(transfer.rows);
          });
          node.value = status;
          return node;
        }),
      );
    }
    for (const node of filters.children) node.setAttribute("aria-pressed", String(node.value === chosen));
    for (const [row, view] of views) view.node.hidden = filtered(row);
  }

  // Not with each frame: adding up and painting would take as long as the files do.
  function soon() {
    frame ||= setTimeout(totals, 200);
  }

  const visible = (row) =>
    model.get("listed") || !model.get("multiple") || ["rejected", "failed"].includes(row.status);

  function refresh() {
    const rows = transfer.rows.filter(visible);
    const present = new Set(rows);
    for (const [row, view] of views) {
      if (present.has(row)) continue;
      view.dispose();
      view.node.remove();
      views.delete(row);
      raised -= Number(view.raised);
    }
    for (const row of rows) {
      if (views.has(row)) continue;
      const view = new RowView(row, transfer, (id) => model.send({ kind: "open", image_id: id }));
      views.set(row, view);
      list.append(view.node);
      raise(view);
    }
    list.hidden = !rows.length;
    el.classList.toggle("imgurer-upload-filled", rows.length > 0);
    soon();
  }

  // What went wrong stands on top, in its order.
  let raised = 0;
  function raise(view) {
    if (!view || view.raised || !["rejected", "failed"].includes(view.row.status)) return;
    view.raised = true;
    list.insertBefore(view.node, list.children[raised]);
    raised += 1;
  }

  const updateRow = (event) => {
    const row = event.detail;
    if (visible(row) === views.has(row)) views.get(row)?.update();
    else refresh();
    raise(views.get(row));
    soon();
  };

  // In Voila a file that misses the area would replace the page; so the whole page takes it.
  const stage = document.body.dataset.voila ? window : el;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  const isVisible = () => el.checkVisibility?.() ?? el.offsetParent !== null;
  let depth = 0;
  const highlight = (change) => {
    depth = Math.max(0, change === null ? 0 : depth + change);
    area.classList.toggle("imgurer-drop-over", depth > 0);
  };
  const listeners = {
    dragenter: () => isVisible() && highlight(1),
    dragleave: () => isVisible() && highlight(-1),
    dragover: (event) => {
      event.preventDefault();
      event.dataTransfer.dropEffect = isVisible() ? "copy" : "none";
    },
    drop: async (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      highlight(null);
      if (isVisible()) transfer.add(await dropped(event.dataTransfer));
    },
  };
  const paste = (event) => {
    const words = event.target.closest?.("input:not([type=file]), textarea, [contenteditable]");
    const files = words || event.defaultPrevented || !isVisible() ? [] : pasted(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    transfer.add(files);
  };
  const controller = new AbortController();
  stage.addEventListener("paste", paste, { signal: controller.signal });
  area.tabIndex = -1; // a click gives it the focus, without which a notebook gets what is pasted
  for (const [name, listener] of Object.entries(listeners)) {
    const guarded = (event) => holdsFiles(event) && listener(event);
    stage.addEventListener(name, guarded, { signal: controller.signal });
  }
  transfer.addEventListener("rows", refresh, { signal: controller.signal });
  transfer.addEventListener("row", updateRow, { signal: controller.signal });
  model.on("change:multiple", arrange);
  model.on("change:prompt", arrange);
  arrange();
  refresh();
  return () => {
    controller.abort();
    clearTimeout(frame);
    views.forEach((view) => view.dispose());
  };
}

// A function, not an object: each model gets its own queue, which all its views share.
export default () => {
  let transfer = null;
  return {
    initialize({ model }) {
      transfer = new Transfer(model);
      return () => transfer.dispose();
    },
    render({ model, el }) {
      return buildView(model, el, transfer);
    },
  };
};
