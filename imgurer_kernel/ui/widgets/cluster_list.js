function row(cluster, pictures, eager, lead) {
  const section = element("section", "imgurer-cluster");
  section.setAttribute("aria-label", cluster.label);
  const strip = element("div", "imgurer-strip");
  strip.setAttribute("role", "listbox");
  strip.setAttribute("aria-orientation", "horizontal");
  strip.setAttribute("aria-label", cluster.label);
  strip.append(...cluster.tiles.map((tile) => buildTile(tile, pictures, eager)));
  markLead(strip.firstChild, lead);
  if (cluster.more) {
    const more = element("div", "imgurer-more");
    more.append(element("strong", "", `+${cluster.more.toLocaleString("en")}`), "more");
    strip.append(more);
  }
  const aside = element("div", "imgurer-cluster-facts");
  aside.append(element("h3", "", cluster.label));
  const list = element("ul");
  list.append(...cluster.facts.map((fact) => element("li", "", fact)));
  aside.append(list);
  section.append(strip, aside);
  return section;
}

function build(content, pictures, model) {
  const lead = model.get("lead");
  return content.rows.map((cluster, place) => row(cluster, pictures, place < 5, lead));
}

function waitingRow() {
  const section = element("section", "imgurer-cluster");
  const strip = element("div", "imgurer-strip");
  strip.append(...Array.from({ length: 3 }, placeholder));
  section.append(strip, element("div", "imgurer-cluster-facts"));
  return section;
}

export default {
  render({ model, el }) {
    const waiting = () => Array.from({ length: 4 }, waitingRow);
    const board = tileBoard({ model, el, className: "imgurer-clusters", build, waiting });
    board.root.setAttribute("role", "group");
    return board.dispose;
  },
};
