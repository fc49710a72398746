// The review: clusters under each other, keys for everything, and a focus that is never lost.

export default {
  render({ model, el }) {
    prepare(el, "imgurer-review");
    const top = element("div");
    const filters = element("div");
    const list = element("div", "imgurer-review-list");
    const bottom = element("div");
    // Stays on the screen with what was answered, wherever the page is scrolled.
    const foot = element("div", "imgurer-review-bottom-place");
    const message = element("div", "imgurer-review-message");
    message.setAttribute("role", "status");
    const keys = keysDialog(model.get("shortcuts"));
    const preview = element("dialog", "imgurer-dialog");
    preview.setAttribute("aria-label", "Preview");
    foot.append(message, bottom);
    el.append(top, filters, list, foot, keys, preview);

    list.tabIndex = -1; // where the focus is when every cluster is decided
    let pictures = null;
    let selection = new Set();
    let anchor = null; // where a range of the selection begins
    let current = null; // file_id of the file that has the focus, or had it last
    // A file whose cluster gets the focus as soon as it is shown. Clusters have other ids whenever
    // the queue is read, and this arrives before they do.
    let wanted = null;
    // Whether the user has moved on since the last undo: its answer must not take the focus, and
    // the next key, from where the user is by then.
    let hasMovedOn = false;

    const act = (name, more = {}) => {
      hasMovedOn = name !== "undo";
      model.send({ kind: "act", act: name, ...more });
    };
    const content = () => model.get("_content");
    const files = () => Array.from(list.querySelectorAll(".imgurer-file"));
    const open = () => Array.from(list.querySelectorAll(".imgurer-cluster")).filter((section) => !isDecided(section));
    const idOf = (figure) => Number(figure.dataset.fileId);
    const figureOf = (id) => list.querySelector(`.imgurer-file[data-file-id="${Number(id)}"]`);
    // What the user has opened: a decided cluster, and how a cluster was found.
    const isUnfolded = (figure) => "unfolded" in sectionOf(figure).dataset;
    const isTold = (figure) => sectionOf(figure).querySelector("details").open;

    function focus(figure, scroll = true) {
      if (!figure) return;
      for (const other of list.querySelectorAll('.imgurer-file[tabindex="0"]')) other.tabIndex = -1;
      figure.tabIndex = 0;
      current = idOf(figure);
      for (const section of list.children) section.removeAttribute("aria-current");
      const section = sectionOf(figure);
      section.setAttribute("aria-current", "true");
      figure.focus({ preventScroll: true });
      if (!scroll) return;
      const { top: above, bottom: below } = section.getBoundingClientRect();
      const room = Math.min(foot.getBoundingClientRect().top, window.innerHeight);
      if (above < 0 || below > room) {
        const block = section.offsetHeight > room ? "start" : "nearest";
        section.scrollIntoView({ block });
        figure.scrollIntoView({ block: "nearest" });
      }
    }

    // The next cluster that is not decided, behind this one or from the top; or the next page.
    function goOn(section) {
      const all = open().filter((other) => other !== section);
      const next = all.find((other) => section.compareDocumentPosition(other) & 4) ?? all[0];
      if (next) focus(next.querySelector(".imgurer-file"));
      else if (model.get("bars").page < model.get("bars").pages - 1) act("next");
      else list.focus({ preventScroll: true });
    }

    function showSelection() {
      for (const figure of files()) {
        const chosen = selection.has(idOf(figure));
        figure.classList.toggle("imgurer-chosen", chosen);
        figure.querySelector(".imgurer-pick").checked = chosen;
      }
      showBottom();
    }
    function choose(figure, { range = false } = {}) {
      const all = files();
      if (range && anchor !== null && figureOf(anchor)) {
        const ends = [all.indexOf(figureOf(anchor)), all.indexOf(figure)].sort((a, b) => a - b);
        for (const other of all.slice(ends[0], ends[1] + 1)) selection.add(idOf(other));
      } else {
        if (!selection.delete(idOf(figure))) selection.add(idOf(figure));
        anchor = idOf(figure);
      }
      showSelection();
    }

    function perform(name, figure, section) {
      const cluster_id = Number(section?.dataset.clusterId ?? -1);
      const file_id = figure ? idOf(figure) : -1;
      const decided = section && isDecided(section);
      if (["remove_others", "different", "later"].includes(name)) {
        if (cluster_id < 0 || decided) return;
        const cannot = section.querySelector(`[data-act="${name}"]`).disabled;
        if (cannot && name !== "different") return; // the kernel answers "different" with a reason
        act(name === "remove_others" ? name : "decide", { cluster_id, verdict: name });
        if (!cannot) goOn(section);
      } else if (name === "keep") {
        if (file_id >= 0 && !decided) act("keep", { file_id });
      } else if (name === "compare" || name === "look") {
        if (section) act(name, { cluster_id, file_id });
      } else if (name === "remove" || name === "keep_selected" || name === "compare_selected") {
        act(name, { file_ids: [...selection] });
        if (name !== "compare_selected") selection = new Set();
        showSelection();
      } else if (name === "none") {
        selection = new Set();
        showSelection();
      } else if (name === "keys") {
        keys.showModal();
      } else {
        act(name, { cluster_id });
      }
    }

    // The bars are replaced: keep the focus on their control, and what is typed in it, or move the
    // focus to the pictures if the control is gone, so that keys always have a target.
    function keepingFocus(change) {
      const before = document.activeElement;
      const held = [top, filters, bottom].some((bar) => bar.contains(before));
      const { act: name } = before?.dataset ?? {};
      const label = held ? before.getAttribute("aria-label") : null;
      change();
      if (!held || el.contains(document.activeElement)) return;
      const again =
        (name && el.querySelector(`button[data-act="${name}"]:not(:disabled, [hidden])`)) ||
        (label && el.querySelector(`[aria-label="${CSS.escape(label)}"]`));
      if (!again) return focusPictures();
      again.focus({ preventScroll: true });
      if (!again.matches("input")) return;
      if ("typed" in before.dataset) again.value = before.value;
      if (again.value !== again.defaultValue) again.dataset.typed = "";
      again.setSelectionRange(before.selectionStart, before.selectionEnd);
    }
    function focusPictures() {
      const figure = [figureOf(current), ...files()].find((each) => each?.offsetParent);
      if (figure) focus(figure, false);
      else list.focus({ preventScroll: true });
    }

    function showTop() {
      const bars = model.get("bars");
      if (!bars.orders) return;
      keepingFocus(() => {
        top.replaceChildren(topBar(bars, act));
        filters.replaceChildren(filterBar(bars, act));
        bottom.replaceChildren(bottomBar(bars, selection.size, act));
      });
      // Where nothing can be filtered or decided the words alone say what there is to do.
      top.hidden = bars.store_is_empty;
      filters.hidden = bottom.hidden = bars.nothing;
      message.textContent = bars.message;
      message.hidden = !bars.message;
    }
    function showBottom() {
      const bars = model.get("bars");
      if (bars.orders) keepingFocus(() => bottom.replaceChildren(bottomBar(bars, selection.size, act)));
    }

    function showDecided() {
      const done = model.get("done");
      for (const section of list.querySelectorAll(".imgurer-cluster")) {
        const id = section.dataset.clusterId;
        const show = () => {
          const isFolded = section.classList.toggle("imgurer-decided");
          section.toggleAttribute("data-unfolded", !isFolded);
        };
        showDone(section, done[id], () => act("undo", { cluster_id: Number(id) }), show);
      }
      // What is folded away cannot have the focus.
      const active = document.activeElement;
      if (list.contains(active) && active !== list && !active.offsetParent) focusPictures();
    }

    // Clusters above shrink to a line, or are replaced: keep the current file at its place on the
    // screen.
    function keepingPlace(change) {
      const top = () => {
        const figure = figureOf(current);
        return figure?.offsetParent ? figure.getBoundingClientRect().top : null;
      };
      const before = top();
      change();
      const after = top();
      if (before !== null && after !== null) window.scrollBy(0, after - before);
      const section = sectionOf(figureOf(current));
      // The title says what is being decided: it must not slip out above.
      if (section?.contains(document.activeElement) && section.getBoundingClientRect().top < 0) {
        section.scrollIntoView({ block: "start" });
      }
    }

    function showClusters() {
      const { clusters, empty } = content();
      const had = el.contains(document.activeElement) && document.activeElement.closest(".imgurer-review-list");
      const fresh = new Pictures(model.get("_pictures"));
      const nodes = clusters.map((cluster, place) => reviewCluster(cluster, place, fresh));
      if (!nodes.length) {
        const place = element("div", "imgurer-review-empty");
        place.append(icon("picture"), element("span", "", empty));
        nodes.push(place);
      }
      const unfolded = new Set(files().filter(isUnfolded).map(idOf));
      const told = new Set(files().filter(isTold).map(idOf));
      list.replaceChildren(...nodes);
      for (const figure of files()) {
        const section = sectionOf(figure);
        if (unfolded.has(idOf(figure))) section.dataset.unfolded = "";
        if (told.has(idOf(figure))) section.querySelector("details").open = true;
      }
      pictures?.revoke();
      pictures = fresh;
      const ids = new Set(files().map(idOf));
      selection = new Set([...selection].filter((id) => ids.has(id)));
      showDecided();
      showSelection();
      const figure = figureOf(current) ?? open()[0]?.querySelector(".imgurer-file");
      if (figure) figure.tabIndex = 0;
      // The same file as before stays where it is on the screen.
      if (had) focus(figure, !figureOf(current));
      else enter();
    }

    // So that keys work at once; the page stays where it is, and whoever goes through the tabs by keys.
    function enter() {
      const active = document.activeElement;
      const isFree = active === document.body || active.matches(".imgurer-dashboard-header a:not(:focus-visible)");
      if (isFree && el.offsetParent) focus(firstFile(), false);
    }
    function firstFile() {
      const file = figureOf(current);
      return file?.offsetParent ? file : open()[0]?.querySelector(".imgurer-file");
    }

    // Move the focus to what was undone, once it is on the page.
    function showPlace() {
      wanted = hasMovedOn ? null : model.get("place")[0];
      goToWanted();
    }
    function goToWanted() {
      if (hasMovedOn) wanted = null;
      const section = wanted === null ? null : sectionOf(figureOf(wanted));
      if (!section || section.classList.contains("imgurer-decided")) return;
      wanted = null;
      focus(section.querySelector(".imgurer-file"));
    }

    function showPreview() {
      const asked = model.get("preview");
      if (!asked.title) {
        if (!preview.open) return;
        preview.close();
        if (document.activeElement === document.body) focusPictures();
        return;
      }
      fillPreview(preview, asked, act);
      if (!preview.open) preview.showModal();
    }
    preview.addEventListener("cancel", (event) => {
      event.preventDefault();
      act("dismiss");
    });

    const letters = { x: "remove_others", k: "keep", d: "different", l: "later", c: "compare", " ": "look", "?": "keys", u: "undo", Escape: "close" };
    // In the dashboard wherever the focus is; in a notebook, where x cuts a cell, only in the review.
    function isForUs(target) {
      if (el.contains(target)) return true;
      if (document.body.dataset.voila === undefined || !el.offsetParent) return false;
      const other = "textarea, [contenteditable], [role=dialog], [role=menu]";
      return !document.querySelector("dialog[open]") && !target.closest(other);
    }
    function onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || !isForUs(event.target)) return;
      if (event.target.closest("input:not(.imgurer-pick), select, dialog")) return;
      const isTab = event.target.closest("[role=tab]"); // its arrows to the sides go to other tabs
      const figure = event.target.closest(".imgurer-file") ?? figureOf(current) ?? firstFile();
      if (event.key.startsWith("Arrow")) hasMovedOn = true;
      const section = sectionOf(event.target) ?? sectionOf(figure);
      if (isTab && event.key === "ArrowDown") focus(firstFile());
      else if (event.key.startsWith("Arrow") && figure && !isTab) focus(neighborFile(files(), figure, event.key) ?? figure);
      else if (event.key === "Enter" && event.target === figure) choose(figure, { range: event.shiftKey });
      else if (event.key === " " && event.target.closest("button, summary, input")) return;
      else if (letters[event.key]) {
        if (isTab && event.key !== "?") focus(figure);
        perform(letters[event.key], figure, section);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }
    // First of all, so that the page does not show its own sheet of keys for ours.
    document.addEventListener("keydown", onKey, true);
    el.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-act]");
      const figure = event.target.closest(".imgurer-file");
      if (button && !button.closest("dialog")) {
        const section = sectionOf(button);
        perform(button.dataset.act, section ? section.querySelector(".imgurer-file") : null, section);
      } else if (figure) {
        hasMovedOn = true;
        focus(figure);
        if (event.target.matches(".imgurer-pick") || event.shiftKey || event.ctrlKey || event.metaKey) {
          choose(figure, { range: event.shiftKey });
        }
      }
    });
    // Clicks, arrows, and a screen reader, which moves the focus by itself: keys go on from there.
    list.addEventListener("focusin", (event) => {
      if (!event.target.matches(".imgurer-file") || idOf(event.target) === current) return;
      hasMovedOn = true;
      focus(event.target, false);
    });
    el.addEventListener("dblclick", (event) => {
      const figure = event.target.closest(".imgurer-file");
      if (figure) perform("look", figure, sectionOf(figure));
    });

    const observed = {
      "change:bars": betweenPresses(el, showTop),
      "change:_content": betweenPresses(el, () => (keepingPlace(showClusters), goToWanted())),
      "change:done": betweenPresses(el, () => (keepingPlace(showDecided), goToWanted())),
      "change:place": showPlace,
      "change:preview": showPreview,
    };
    for (const [name, show] of Object.entries(observed)) model.on(name, show);
    showTop();
    showClusters();
    showPreview();
    // A tab that is opened again has its clusters already.
    let wasShown = Boolean(el.offsetParent);
    const shown = new ResizeObserver(() => {
      const isShown = Boolean(el.offsetParent);
      if (isShown && !wasShown && document.body.dataset.voila !== undefined) enter();
      wasShown = isShown;
    });
    shown.observe(el);
    const stopWatching = watchReturns(el, model);
    return () => {
      stopWatching();
      shown.disconnect();
      for (const [name, show] of Object.entries(observed)) model.off(name, show);
      document.removeEventListener("keydown", onKey, true);
      pictures?.revoke();
    };
  },
};
