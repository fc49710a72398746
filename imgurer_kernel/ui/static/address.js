// Voila's page is ours, and so is its address; JupyterLab's is not.
const ours = () => document.body.dataset.voila !== undefined;

export default {
  render({ model, el }) {
    el.hidden = true;
    const arrive = () => model.send({ kind: "arrived", hash: ours() ? location.hash : "" });
    const follow = (message) => {
      if (message.kind !== "go" || !ours() || message.hash === location.hash) return;
      const write = message.replace ? "replaceState" : "pushState";
      history[write](null, "", message.hash);
    };
    // Fires on Back and Forward, and when somebody edits the address; not on pushState.
    window.addEventListener("hashchange", arrive);
    model.on("msg:custom", follow);
    arrive();
    return () => {
      window.removeEventListener("hashchange", arrive);
      model.off("msg:custom", follow);
    };
  },
};
