export default {
  render({ model, el }) {
    prepare(el, "imgurer-radius");
    const head = element("div", "imgurer-radius-head");
    const label = element("label", "", model.get("label"));
    const output = element("output");
    const input = element("input");
    input.type = "range";
    input.min = 0;
    input.step = 1;
    input.id = `radius-${Math.random().toString(36).slice(2)}`;
    label.htmlFor = input.id;
    output.htmlFor = input.id;
    head.append(label, output);
    const ticks = element("div", "imgurer-ticks");
    el.append(head, input, ticks);

    const words = (bits) => {
      const all = model.get("ticks");
      return (all.find(([limit]) => limit >= bits) ?? all.at(-1))[1];
    };
    const say = () => {
      const bits = Number(input.value);
      const number = bits === 1 ? "1 bit" : `${bits} bits`;
      output.textContent = `up to ${number} · ${words(bits)}`;
      input.setAttribute("aria-valuetext", `${number}, ${words(bits)}`);
    };
    const commit = () => {
      clearTimeout(timer);
      model.set("value", Number(input.value));
      model.save_changes();
    };
    let timer = 0;
    input.addEventListener("input", () => {
      say();
      clearTimeout(timer);
      timer = setTimeout(commit, 200); // a handle that is dragged, a key that is held
    });
    input.addEventListener("change", commit);

    const show = () => {
      // A radius beyond the slider's end may come from the address: the end moves out to it.
      const most = Math.max(model.get("most"), model.get("value"));
      input.max = most;
      input.value = model.get("value");
      ticks.replaceChildren(
        ...model.get("ticks").map(([bits, text]) => {
          const tick = element("button", "imgurer-tick");
          tick.type = "button";
          tick.tabIndex = -1; // the slider itself is the way for the keyboard
          tick.style.setProperty("--at", bits / most);
          tick.append(element("strong", "", String(bits)), element("span", "", text));
          tick.addEventListener("click", () => {
            input.value = bits;
            say();
            commit();
          });
          return tick;
        }),
      );
      say();
    };
    model.on("change:value", show);
    show();
    return () => clearTimeout(timer);
  },
};
