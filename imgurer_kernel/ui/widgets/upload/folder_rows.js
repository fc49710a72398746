export default {
  render({ model, el }) {
    prepare(el, "imgurer-folder-result");
    const title = element("div", "imgurer-folder-title");
    title.setAttribute("role", "status");
    const totals = element("div", "imgurer-folder-totals");
    const remark = element("p", "imgurer-folder-remark");
    const list = element("ul", "imgurer-folder-rows");
    el.append(title, totals, remark, list);
    let wanted = "";

    const line = (row) => {
      const node = element("li", "imgurer-folder-row");
      const names = element("div", "imgurer-folder-names");
      if (row.image_id >= 0 && row.status !== "missing" && model.get("links")) {
        const link = element("button", "imgurer-folder-link");
        link.type = "button";
        link.title = "Search for this picture";
        link.append(elided(row.name));
        link.addEventListener("click", () => model.send({ image_id: row.image_id }));
        names.append(link);
      } else {
        names.append(elided(row.name));
      }
      if (row.folder) {
        const where = element("div", "imgurer-folder-where");
        where.append(elidedFolder(row.folder));
        names.append(where);
      }
      const verdict = element("div", "imgurer-folder-verdict");
      verdict.append(icon(row.meaning, `imgurer-${row.meaning}`), element("span", "", row.text));
      node.append(names, verdict);
      return node;
    };

    const show = () => {
      const content = model.get("content");
      const rows = content.rows ?? [];
      const counted = content.totals ?? [];
      if (!rows.some((row) => row.status === wanted)) wanted = "";
      title.textContent = plain(content.title ?? "");
      // Only where there is something to choose, and only what has rows here.
      const listed = counted.filter(([status]) => rows.some((row) => row.status === status));
      const chosen = totals.contains(document.activeElement) ? document.activeElement.value : null;
      totals.hidden = listed.length < 2;
      totals.replaceChildren(
        ...[["", "All"], ...listed].map(([status, text]) => {
          const node = element("button", "imgurer-folder-filter", text);
          node.type = "button";
          node.value = status;
          node.setAttribute("aria-pressed", String(status === wanted));
          node.addEventListener("click", () => {
            wanted = status;
            show();
          });
          return node;
        }),
      );
      for (const node of totals.children) if (node.value === chosen) node.focus();
      remark.textContent = content.remark ?? "";
      remark.hidden = !content.remark;
      replaceChildrenOf(list, ...rows.filter((row) => !wanted || row.status === wanted).map(line));
      list.hidden = !rows.length;
    };
    model.on("change:content", betweenPresses(el, show));
    show();
  },
};
