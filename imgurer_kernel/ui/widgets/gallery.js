function build(content, pictures, model) {
  const nodes = content.tiles.map((tile, place) => buildTile(tile, pictures, place < 24));
  if (model.get("arrangement") === "strip") markLead(nodes[0], model.get("lead"));
  if (content.divider === null || content.divider > nodes.length) return nodes;
  const beyond = element("div", "imgurer-beyond");
  beyond.setAttribute("role", "group");
  beyond.setAttribute("aria-label", content.divider_label);
  const heading = element("div", "imgurer-divider");
  heading.setAttribute("aria-hidden", "true");
  heading.append(element("span", "", content.divider_label));
  beyond.append(heading, ...nodes.splice(content.divider));
  return [...nodes, beyond];
}

export default {
  render({ model, el }) {
    const waiting = () => {
      const number = model.get("arrangement") === "strip" ? 4 : 12;
      return Array.from({ length: number }, placeholder);
    };
    const board = tileBoard({ model, el, className: "imgurer-gallery", build, waiting });
    board.root.setAttribute("role", "listbox");
    const arrange = () => {
      el.dataset.arrangement = model.get("arrangement");
      const flat = model.get("arrangement") === "strip";
      board.root.setAttribute("aria-orientation", flat ? "horizontal" : "vertical");
    };
    model.on("change:arrangement", () => {
      arrange();
      board.render();
    });
    model.on("change:lead", board.render);
    arrange();
    return board.dispose;
  },
};
