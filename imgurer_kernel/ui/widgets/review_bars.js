// The bars of a review: progress, filters, what is selected, pages; and its dialogs.

function choice(label, options, value, onChange) {
  const box = element("label", "imgurer-choice");
  const select = element("select");
  select.setAttribute("aria-label", label);
  for (const [key, text] of options) {
    const option = element("option", "", text);
    option.value = key ?? "";
    option.disabled = key === null;
    select.append(option);
  }
  select.value = value;
  select.addEventListener("change", () => onChange(select.value));
  box.append(select);
  return box;
}

// Tell when somebody comes back to the page, perhaps from a shell; returns what ends that.
function watchReturns(el, model) {
  let last = 0;
  const tell = () => {
    if (document.hidden || !el.offsetParent || Date.now() - last < 1000) return;
    last = Date.now();
    model.send({ kind: "act", act: "returned" });
  };
  addEventListener("focus", tell);
  document.addEventListener("visibilitychange", tell);
  return () => {
    removeEventListener("focus", tell);
    document.removeEventListener("visibilitychange", tell);
  };
}

function topBar(bars, act) {
  const top = element("div", "imgurer-review-top");
  const progress = element("div", "imgurer-review-progress");
  const { done, total, removed } = bars.progress;
  const text = element("p");
  text.append(element("strong", "", bars.known ? `${done} of ${total} decided` : "Looking for duplicates"));
  if (bars.known) text.append(element("span", "imgurer-cluster-facts", removed));
  const track = element("div", "imgurer-track");
  const filled = element("i");
  filled.style.width = `${bars.share}%`;
  track.append(filled);
  progress.append(text, track);
  const sort = choice("Order", bars.orders, bars.order, (value) => act("set", { name: "order", value }));
  const again = actButton("Sort again", "", "again");
  again.title = "Read the store as it is now; what was decided leaves the list";
  again.classList.toggle("imgurer-main-act", bars.stale);
  top.append(progress, sort, again, actButton("Undo", "u", "undo"), actButton("Keys", "?", "keys"));
  return top;
}

function filterBar(bars, act) {
  const row = element("div", "imgurer-review-filters");
  // On a phone they are folded away: the pictures come first.
  const fold = element("details", "imgurer-fold");
  filterBar.narrow ??= matchMedia("(max-width: 720px)");
  const narrow = filterBar.narrow;
  const arrange = () => (fold.open = !narrow.matches || bars.filtered || Boolean(filterBar.unfolded));
  // Also when a phone is turned, or a window is made wider: there is no way to unfold them there.
  narrow.onchange = arrange;
  arrange();
  fold.addEventListener("toggle", () => {
    if (narrow.matches) filterBar.unfolded = fold.open;
  });
  fold.append(element("summary", "imgurer-act", "Filters"), row);
  const set = (name) => (value) => act("set", { name, value });
  row.append(choice("Show", bars.shows, bars.show, set("show")));
  for (const { key, label, count, pressed } of bars.kinds) {
    const chip = element("button", "imgurer-chip");
    chip.type = "button";
    chip.append(element("span", "", label));
    // None where all such clusters have copies of further kinds: a row of zeros would look broken.
    if (count) chip.append(element("span", "imgurer-count", count.toLocaleString("en")));
    chip.title = "Clusters whose copies are all of the chosen kinds";
    chip.setAttribute("aria-pressed", String(pressed));
    chip.addEventListener("click", () => act("set", { name: "kind", value: key }));
    row.append(chip);
  }
  if (bars.folders.length > 2) row.append(choice("Folder", bars.folders, bars.folder, set("folder")));
  if (bars.users.length > 2) row.append(choice("User", bars.users, bars.user, set("user")));
  if (bars.cameras.length > 1) row.append(choice("Camera", bars.cameras, bars.camera, set("camera")));
  if (bars.years.length > 2) {
    row.append(choice("From year", bars.years, bars.since, set("since")));
  }
  row.append(choice("At least", bars.sizes, bars.least_bytes, set("least_bytes")));
  const text = element("input", "imgurer-text");
  Object.assign(text, { type: "search", placeholder: "Name or folder", defaultValue: bars.text, size: 16 });
  text.setAttribute("aria-label", "Part of a name or folder");
  const filter = () => {
    clearTimeout(filterBar.typing);
    act("set", { name: "text", value: text.value });
  };
  text.addEventListener("change", filter);
  text.addEventListener("input", () => {
    text.dataset.typed = "";
    clearTimeout(filterBar.typing);
    filterBar.typing = setTimeout(filter, 300); // not with each letter
  });
  row.append(text);
  return fold;
}

function bottomBar(bars, selection, act) {
  const bar = element("div", "imgurer-review-bottom");
  const chosen = element("strong", "", selection ? `${selection} selected` : "");
  const forSelection = [
    actButton("Remove", "", "remove"),
    actButton("Keep", "", "keep_selected"),
    actButton("Compare", "", "compare_selected"),
    actButton("Select none", "", "none"),
  ];
  for (const button of [chosen, ...forSelection]) button.hidden = !selection;
  forSelection[1].disabled = selection !== 1;
  forSelection[2].disabled = selection < 2 || selection > 6;
  const pages = element("span", "imgurer-pages");
  const previous = actButton("Back", "", "previous");
  const next = actButton("Next", "", "next");
  previous.disabled = bars.page === 0;
  next.disabled = bars.page >= bars.pages - 1;
  const sizes = choice("Clusters on a page", bars.page_sizes, bars.page_size, (value) =>
    act("set", { name: "page_size", value }),
  );
  pages.append(element("span", "imgurer-cluster-facts", bars.place), previous, next, sizes);
  const all = element("span", "imgurer-everything");
  const preview = actButton("Preview \u2026", "", "preview");
  preview.disabled = !bars.removes;
  all.append(element("span", "", bars.everything), preview);
  bar.append(chosen, ...forSelection, pages, all);
  return bar;
}

function keysDialog(shortcuts) {
  const dialog = element("dialog", "imgurer-dialog");
  dialog.setAttribute("aria-label", "Keys");
  const list = element("dl");
  for (const [key, text] of shortcuts) {
    const names = element("dt");
    names.append(...key.split(" ").map((name) => element("kbd", "imgurer-key", name)));
    list.append(names, element("dd", "", text));
  }
  const close = element("button", "imgurer-act", "Close");
  close.type = "button";
  close.autofocus = true;
  close.addEventListener("click", () => dialog.close());
  const foot = element("div", "imgurer-foot");
  foot.append(close);
  dialog.append(element("h2", "", "Keys"), list, foot);
  return dialog;
}

function fillPreview(dialog, preview, act) {
  dialog.replaceChildren();
  const table = element("table");
  for (const [label, value] of preview.facts) {
    const row = element("tr");
    const head = element("th", "", label);
    head.scope = "row";
    row.append(head, element("td", "", value));
    table.append(row);
  }
  const foot = element("div", "imgurer-foot");
  const confirm = actButton(preview.confirm, "", "confirm", true);
  const cancel = actButton(preview.files ? "Cancel" : "Close", "", "dismiss");
  cancel.autofocus = true;
  foot.append(...(preview.files ? [actButton("Save as CSV", "", "save"), cancel, confirm] : [cancel]));
  const about = preview.about ? [element("p", "imgurer-cluster-facts", preview.about)] : [];
  dialog.append(element("h2", "", preview.title), ...about, table);
  if (preview.note) dialog.append(element("p", "imgurer-preview-note", preview.note));
  dialog.append(foot);
  for (const button of foot.querySelectorAll("button")) {
    button.addEventListener("click", () => act(button.dataset.act));
  }
}
