export default {
  render({ model, el }) {
    prepare(el, "imgurer-history");
    let pictures = null;
    const show = () => {
      const { names, lengths, blob } = model.get("_content");
      const fresh = new Pictures(blob);
      const list = element("ol");
      let offset = 0;
      names.forEach((name, step) => {
        const item = element("li");
        const last = step === names.length - 1;
        const button = element(last ? "span" : "button", "imgurer-history-step");
        const url = fresh.url(offset, lengths[step]);
        offset += lengths[step];
        const image = url ? element("img") : icon("picture");
        if (url) {
          image.alt = "";
          image.src = url;
        }
        button.append(image, elided(name));
        if (last) {
          button.setAttribute("aria-current", "step");
        } else {
          button.type = "button";
          button.setAttribute("aria-label", `Back to ${name}`);
          button.addEventListener("click", () => model.send({ kind: "return", step }));
        }
        item.append(button);
        list.append(item);
      });
      list.setAttribute("aria-label", "Searched so far");
      el.hidden = names.length < 2;
      el.replaceChildren(...(names.length > 1 ? [list] : []));
      pictures?.revoke();
      pictures = fresh;
    };
    model.on("change:_content", betweenPresses(el, show));
    show();
    return () => pictures?.revoke();
  },
};
