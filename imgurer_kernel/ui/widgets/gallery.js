function build(content, pictures) {
  const nodes = content.tiles.map((tile, place) => buildTile(tile, pictures, place < 24));
  if (content.divider === null || content.divider > nodes.length) return nodes;
  const group = element("div", "imgurer-after-divider");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", content.divider_label);
  const heading = element("div", "imgurer-divider");
  heading.setAttribute("aria-hidden", "true");
  heading.append(element("span", "", content.divider_label));
  group.append(heading, ...nodes.splice(content.divider));
  return [...nodes, group];
}

export default {
  render({ model, el }) {
    const waiting = () => Array.from({ length: 12 }, placeholder);
    const board = tileBoard({ model, el, className: "imgurer-gallery", build, waiting });
    board.root.setAttribute("role", "listbox");
    board.root.setAttribute("aria-orientation", "vertical");
    return board.dispose;
  },
};
