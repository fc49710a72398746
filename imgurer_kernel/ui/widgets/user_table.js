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
    prepare(el, "imgurer-accounts");
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
      const acts = element("th");
      acts.scope = "col";
      acts.append(element("span", "imgurer-hidden", "What may be done"));
      head.append(acts);
      const thead = element("thead");
      thead.append(head);
      const tbody = element("tbody");
      for (const row of rows) {
        const line = element("tr");
        for (const [field, label, kind] of COLUMNS) {
          const cell = element(field === "name" ? "th" : "td", kind);
          if (field === "name") cell.scope = "row";
          cell.dataset.label = label;
          if (field === "state") {
            const words = element("span", "imgurer-state");
            words.append(icon(row.enabled ? "done" : "attention", row.enabled ? "imgurer-done" : "imgurer-attention"));
            words.append(element("span", "", row.state));
            cell.append(words);
          } else {
            cell.textContent = row[field];
          }
          line.append(cell);
        }
        const cell = element("td", "imgurer-row-acts");
        for (const [act, words] of row.acts) {
          const button = element("button", "imgurer-link", words);
          button.type = "button";
          button.setAttribute("aria-label", `${words}: ${row.name}`);
          button.addEventListener("click", () => model.send({ act, name: row.name }));
          cell.append(button);
        }
        line.append(cell);
        tbody.append(line);
      }
      table.append(caption, thead, tbody);
      el.replaceChildren(table);
    };
    model.on("change:rows", show);
    show();
  },
};
