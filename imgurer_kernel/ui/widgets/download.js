export default {
  render({ model, el }) {
    prepare(el, "imgurer-download");
    const button = element("button", "imgurer-button");
    button.type = "button";
    const text = element("span");
    button.append(icon("download"), text);
    el.append(button);

    const show = () => {
      button.disabled = model.get("disabled");
      text.textContent = model.get("label");
    };
    const save = (blob, facts) => {
      const url = URL.createObjectURL(blob);
      const link = element("a");
      link.href = url;
      link.download = facts.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it when it likes
      show();
    };
    const showProgress = (bytes, { size }) => {
      if (size > 4_000_000) text.textContent = `Receiving, ${Math.floor((100 * bytes) / size)} %`;
    };
    const dispose = chunkReceiver(model, { onDone: save, onProgress: showProgress, onBroken: show });
    button.addEventListener("click", () => model.send({ kind: "wanted" }));
    for (const name of ["label", "disabled"]) model.on(`change:${name}`, show);
    show();
    return dispose;
  },
};
