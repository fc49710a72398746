export default {
  render({ model, el }) {
    prepare(el, "imgurer-picture-rows");
    const head = element("div", "imgurer-rows-head");
    const title = element("div", "imgurer-rows-title");
    const clear = element("button", "imgurer-rows-filter", "Clear list");
    clear.type = "button";
    clear.hidden = !model.get("can_clear");
    clear.addEventListener("click", () => model.send({ kind: "clear" }));
    head.append(title, clear);
    title.setAttribute("role", "status");
    const totals = element("div", "imgurer-rows-totals");
    totals.setAttribute("role", "group");
    totals.setAttribute("aria-label", "Show");
    const list = element("ul", "imgurer-rows-list");
    const more = element("button", "imgurer-rows-more");
    more.type = "button";
    more.addEventListener("click", () => model.send({ kind: "more" }));
    el.append(head, totals, list, more);
    let pictures = null;

    function thumbnail(offset, length, alt) {
      const box = element("span", "imgurer-rows-picture");
      const url = pictures.url(offset, length);
      if (!url) {
        box.append(icon("picture"));
        return box;
      }
      const image = element("img");
      image.alt = alt;
      image.loading = "lazy";
      image.addEventListener("error", () => image.replaceWith(icon("picture")));
      image.src = url;
      box.append(image);
      return box;
    }

    function press(label, message, ...children) {
      const node = element("button", "imgurer-rows-button");
      node.type = "button";
      if (label) node.setAttribute("aria-label", label);
      node.append(...children);
      node.addEventListener("click", () => model.send(message));
      return node;
    }

    function line(row, offset, matches) {
      const node = element("li", "imgurer-rows-row");
      const [own, other] = row.lengths;
      const name = elided(row.name);
      const middle = element("div", "imgurer-rows-middle");
      const verdict = element("div", "imgurer-rows-verdict");
      verdict.append(icon(row.meaning, `imgurer-${row.meaning}`), element("span", "", row.text));
      const open = { kind: "open", value: row.key };
      const picture = thumbnail(offset, own, row.name);
      if (row.opens) {
        // One stop of the Tab key for each row: the picture is for the pointer only.
        const outer = press(`Search for ${plain(row.name)}`, open, picture);
        outer.tabIndex = -1;
        node.append(outer);
        middle.append(press("", open, name), verdict);
      } else {
        node.append(picture);
        middle.append(name, verdict);
      }
      const match = element("div", "imgurer-rows-match");
      if (row.match >= 0) {
        const beside = thumbnail(offset + own, other, row.match_text);
        const shown = { kind: "match", value: row.match };
        match.append(matches ? press(`Search for ${plain(row.match_text)}`, shown, beside) : beside);
        match.append(element("span", "imgurer-rows-match-text", plain(row.match_text)));
      }
      node.append(middle, match);
      return node;
    }

    function showTotals() {
      const counted = model.get("totals");
      const chosen = totals.contains(document.activeElement) ? document.activeElement.value : null;
      totals.hidden = counted.length < 2;
      totals.replaceChildren(
        ...[["", "All"], ...counted].map(([status, text]) => {
          const node = element("button", "imgurer-rows-filter", text);
          node.type = "button";
          node.value = status;
          node.setAttribute("aria-pressed", String(status === model.get("shown")));
          node.addEventListener("click", () => {
            model.set("shown", status);
            model.save_changes();
          });
          return node;
        }),
      );
      for (const node of totals.children) if (node.value === chosen) node.focus();
      title.textContent = plain(model.get("title"));
      title.hidden = !title.textContent;
    }

    function showRows() {
      const { rows, blob, more: left, matches } = model.get("content");
      const place = Array.from(list.children).findIndex((node) =>
        node.contains(document.activeElement),
      );
      const old = pictures;
      pictures = new Pictures(blob);
      let offset = 0;
      const nodes = rows.map((row) => {
        const node = line(row, offset, matches);
        offset += row.lengths[0] + row.lengths[1];
        return node;
      });
      list.replaceChildren(...nodes);
      list.hidden = !nodes.length;
      old?.revoke();
      if (place >= 0) nodes[place]?.querySelector(".imgurer-rows-middle button")?.focus();
      more.hidden = !left;
      more.textContent = `Show more (${left.toLocaleString("en")} left)`;
    }

    for (const name of ["totals", "shown", "title"]) model.on(`change:${name}`, betweenPresses(el, showTotals));
    model.on("change:content", betweenPresses(el, showRows));
    showTotals();
    showRows();
    return () => pictures?.revoke();
  },
};
