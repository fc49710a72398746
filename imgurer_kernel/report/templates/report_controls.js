  const fill = (id, list, used) => {
    for (const value of [...words[list]].filter(used).sort()) {
      const option = element("option", "", plain(value));
      option.value = value;
      byId(id).append(option);
    }
    byId(id).parentElement.hidden = byId(id).options.length < 3;
  };
  fill("kind", "label", (value) => value !== "medoid" && value !== "kept");
  fill("format", "format", Boolean);
  fill("user", "user", Boolean);
  byId("decided").parentElement.hidden = !facts.some((fact) => fact.decided);
  // On a narrow screen the pictures come first.
  if (innerWidth <= 600) byId("tools").open = false;
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  let typing = 0;
  byId("controls").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(choose, 60); });
  choose();
  document.documentElement.dataset.ready = total;
  document.addEventListener("DOMContentLoaded", () => {
    if (waiting) draw();
    setTimeout(prepare, 0, 0);
  });
