export default {
  render({ model, el }) {
    prepare(el, "imgurer-download");
    const button = element("button", "imgurer-button");
    button.type = "button";
    const text = element("span");
    button.append(icon("download"), text);
    el.append(button);
    let receiving = null;

    const show = () => {
      button.disabled = model.get("disabled");
      if (!receiving) {
        text.textContent = model.get("label");
      } else if (receiving.size > 4_000_000) {
        text.textContent = `Receiving, ${Math.floor((100 * receiving.bytes) / receiving.size)} %`;
      }
    };
    const save = () => {
      const url = URL.createObjectURL(new Blob(receiving.parts, { type: receiving.type }));
      const link = element("a");
      link.href = url;
      link.download = receiving.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it when it likes
      receiving = null;
    };
    const receive = (message, buffers) => {
      if (message.kind === "begin") {
        receiving = { ...message, parts: [], bytes: 0 };
      } else if (receiving === null || message.number !== receiving.number) {
        return;
      } else if (message.kind === "chunk") {
        receiving.parts.push(new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength).slice());
        receiving.bytes += buffers[0].byteLength;
        model.send({ kind: "received", number: message.number });
      } else if (message.kind === "end") {
        save();
      } else if (message.kind === "broken") {
        receiving = null;
      }
      show();
    };
    button.addEventListener("click", () => model.send({ kind: "wanted" }));
    model.on("msg:custom", receive);
    for (const name of ["label", "disabled"]) model.on(`change:${name}`, show);
    show();
    return () => {
      model.off("msg:custom", receive);
      model.send({ kind: "stop" });
    };
  },
};
