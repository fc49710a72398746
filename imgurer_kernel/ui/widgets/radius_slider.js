export default {
  render({ model, el }) {
    prepare(el, "imgurer-radius");
    const head = element("div", "imgurer-radius-head");
    const label = element("label", "", model.get("label"));
    const output = element("output");
    const input = element("input");
    const stops = model.get("stops");
    const ticks = element("div", "imgurer-ticks");
    input.type = "range";
    input.min = 0;
    input.max = stops.length - 1;
    input.step = 1;
    input.id = `radius-${Math.random().toString(36).slice(2)}`;
    label.htmlFor = input.id;
    output.htmlFor = input.id;
    head.append(label, output);
    el.append(head, input, ticks);

    const textOf = (bits) => {
      const all = model.get("ticks");
      return (all.find(([limit]) => limit >= bits) ?? all.at(-1))[1];
    };
    const showValue = (bits) => {
      const number = bits === 1 ? "1 bit" : `${bits} bits`;
      output.textContent = bits === 0 ? `0 bits · ${textOf(0)}` : `up to ${number} · ${textOf(bits)}`;
      input.setAttribute("aria-valuetext", `${number}, ${textOf(bits)}`);
    };
    let timer = 0;
    const commit = (bits) => {
      clearTimeout(timer);
      model.set("value", bits);
      model.save_changes();
    };
    input.addEventListener("input", () => {
      const bits = stops[Number(input.value)];
      showValue(bits);
      clearTimeout(timer);
      timer = setTimeout(() => commit(bits), 200); // a handle that is dragged, a key that is held
    });
    input.addEventListener("change", () => commit(stops[Number(input.value)]));

    ticks.append(
      ...model.get("ticks").map(([bits, text]) => {
        const tick = element("button", "imgurer-tick");
        tick.type = "button";
        tick.tabIndex = -1; // the slider itself is the way for the keyboard
        tick.style.setProperty("--at", stops.indexOf(bits) / (stops.length - 1));
        tick.append(element("strong", "", String(bits)), element("span", "", text));
        tick.addEventListener("click", () => commit(bits));
        return tick;
      }),
    );
    const show = () => {
      const bits = model.get("value"); // any radius may come from the address
      const reached = stops.filter((stop) => stop <= bits);
      input.value = reached.length - 1;
      showValue(bits);
    };
    model.on("change:value", show);
    show();
    return () => clearTimeout(timer);
  },
};
