const COLUMNS = [
  ["name", "Name", ""],
  ["role", "Role", ""],
  ["pictures", "Pictures", "imgurer-number"],
  ["bytes", "Bytes", "imgurer-number"],
  ["last_seen", "Last seen", ""],
  ["state", "State", ""],
];

export default {
  render({ model, el }) {
    prepare(el, "imgurer-user-table");
    const show = () => {
      const rows = model.get("rows");
      const table = element("table");
      const caption = element("caption", "imgurer-hidden", "Accounts");
      const head = element("tr");
      for (const [, label, kind] of COLUMNS) {
        const cell = element("th", kind, label);
        cell.scope = "col";
        head.append(cell);
      }
      const actions = element("th");
      actions.scope = "col";
      actions.append(element("span", "imgurer-hidden", "What may be done"));
      head.append(actions);
      const thead = element("thead");
      thead.append(head);
      const tbody = element("tbody");
      for (const row of rows) {
        const line = element("tr");
        line.dataset.account = row.name;
        for (const [field, label, kind] of COLUMNS) {
          const cell = element(field === "name" ? "th" : "td", kind);
          if (field === "name") cell.scope = "row";
          cell.dataset.label = label;
          if (field === "state") {
            const state = element("span", "imgurer-state");
            state.append(icon(row.enabled ? "done" : "attention", row.enabled ? "imgurer-done" : "imgurer-attention"));
            state.append(element("span", "", row.state));
            cell.append(state);
          } else {
            cell.textContent = row[field];
          }
          line.append(cell);
        }
        const cell = element("td", "imgurer-row-actions");
        for (const [action, label] of row.actions) {
          const button = element("button", "imgurer-link", label);
          button.type = "button";
          button.dataset.action = action;
          button.setAttribute("aria-label", `${label}: ${row.name}`);
          button.addEventListener("click", () => model.send({ action, name: row.name }));
          cell.append(button);
        }
        line.append(cell);
        tbody.append(line);
      }
      table.append(caption, thead, tbody);
      replaceChildrenOf(el, table);
    };
    model.on("change:rows", betweenPresses(el, show));
    model.on("msg:custom", (message) => {
      const active = document.activeElement;
      // Who has gone on to something else meanwhile stays there.
      if (message.kind !== "focus" || (active !== document.body && active.getClientRects().length)) return;
      const row = [...el.querySelectorAll("tbody tr")].find((each) => each.dataset.account === message.name);
      const all = [...(row?.querySelectorAll("button") ?? [])];
      (all.find((each) => each.dataset.action === message.action) ?? all[0])?.focus();
    });
    show();
  },
};
