function link(hash, text, follow) {
  const node = element("a", "", text);
  node.href = hash;
  node.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return; // a new window
    event.preventDefault();
    follow(hash);
  });
  return node;
}

function keysDialog(keys) {
  const dialog = element("dialog", "imgurer-keys");
  const heading = element("h2", "", "Keys");
  const list = element("dl");
  for (const [key, act] of keys) {
    const term = element("dt");
    term.append(element("kbd", "", key));
    list.append(term, element("dd", "", act));
  }
  const close = element("button", "imgurer-button", "Close");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.setAttribute("aria-label", "Keys");
  dialog.append(heading, list, close);
  return dialog;
}

const isEditable = (node) =>
  node instanceof HTMLElement && (node.isContentEditable || node.matches("input, select, textarea"));

// The panel may be built only now, on its first visit.
function focusWithin(selector, milliseconds = 2000) {
  const deadline = performance.now() + milliseconds;
  const attempt = () => {
    const target = Array.from(document.querySelectorAll(selector)).find((node) => node.offsetParent);
    if (target) target.focus();
    else if (performance.now() < deadline) setTimeout(attempt, 50);
  };
  attempt();
}

export default {
  render({ model, el }) {
    prepare(el, "imgurer-dashboard-header");
    const go = (hash) => model.send({ kind: "go", hash });

    const header = element("header", "imgurer-header");
    const name = element("h1", "", "imgurer");
    const counts = element("nav", "imgurer-counts");
    counts.setAttribute("aria-label", "What is in the store");
    const visitor = element("div", "imgurer-visitor");
    header.append(name, counts, visitor);

    const bar = element("nav", "imgurer-tabs");
    const tabs = element("div", "imgurer-tablist");
    tabs.setAttribute("role", "tablist");
    const dialog = keysDialog(model.get("shortcuts"));
    const help = element("button", "imgurer-link imgurer-help", "Keys");
    help.type = "button";
    help.append(element("kbd", "", "?"));
    help.addEventListener("click", () => dialog.showModal());
    bar.append(tabs, help);
    el.append(header, bar, dialog);

    const showCounts = () => {
      const all = model.get("counts").map((count) => link(count.hash, count.text, go));
      replaceChildrenOf(counts, ...all);
    };
    const showVisitor = () => {
      const parts = [element("span", "", model.get("user"))];
      if (model.get("logout")) {
        const logins = element("a", "", "Logins");
        logins.href = "/account";
        const out = element("a", "", "Log out");
        out.href = model.get("logout");
        parts.push(logins, out);
      }
      visitor.replaceChildren(...(model.get("user") ? parts : []));
    };
    const showTabs = () => {
      const focused = tabs.contains(document.activeElement) ? document.activeElement.dataset.tab : "";
      tabs.replaceChildren(
        ...model.get("tabs").map((tab) => {
          const node = link(tab.hash, tab.label, go);
          const chosen = tab.id === model.get("current");
          node.dataset.tab = tab.id;
          node.setAttribute("role", "tab");
          node.setAttribute("aria-selected", String(chosen));
          node.tabIndex = chosen ? 0 : -1;
          return node;
        }),
      );
      if (focused) tabs.querySelector('[aria-selected="true"]')?.focus();
      tabs.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
      const chosen = model.get("tabs").find((tab) => tab.id === model.get("current"));
      help.hidden = chosen?.id === "review"; // it has more keys, and says which
      if (chosen && document.body.dataset.voila !== undefined) document.title = `${chosen.label} · imgurer`;
    };
    tabs.addEventListener("keydown", (event) => {
      const all = Array.from(tabs.children);
      const place = all.indexOf(event.target);
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const next = { Home: all[0], End: all.at(-1) }[event.key] ?? (step && all[place + step]);
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    });
    const keys = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isEditable(event.target)) return;
      if (document.body.dataset.voila === undefined && !el.parentElement?.closest(".imgurer-page")?.contains(event.target)) {
        return; // in a notebook these keys are ours only where the focus is ours
      }
      if (event.key === "?") {
        if (!dialog.open) dialog.showModal();
      } else if (event.key === "/" && !dialog.open) {
        go(model.get("tabs").find((tab) => tab.id === "search").hash);
        focusWithin(".imgurer-shortcut-target button, .imgurer-shortcut-target input");
      } else {
        return;
      }
      event.preventDefault();
    };
    document.addEventListener("keydown", keys);
    model.on("change:counts", betweenPresses(el, showCounts));
    model.on("change:tabs", betweenPresses(el, showTabs));
    model.on("change:current", betweenPresses(el, showTabs));
    model.on("change:user", showVisitor);
    model.on("change:logout", showVisitor);
    showCounts();
    showVisitor();
    showTabs();
    return () => document.removeEventListener("keydown", keys);
  },
};
