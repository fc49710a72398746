// Voila's page is ours, and so is its address; JupyterLab's is not.
const ours = () => document.body.dataset.voila !== undefined;

export default {
  render({ model, el }) {
    el.hidden = true;
    let arrivals = 0;
    const arrive = (hash) => {
      arrivals += 1;
      model.send({ kind: "arrived", hash: ours() ? hash : "", arrival: arrivals });
    };
    // Fires on Back and Forward, and when somebody edits the address; not on pushState. It comes a
    // moment after the change: what was written meanwhile answers something older.
    const changed = (event) => {
      const { hash } = new URL(event.newURL);
      if (ours() && hash !== location.hash) history.replaceState(null, "", event.newURL);
      arrive(hash);
    };
    const follow = (message) => {
      if (message.kind !== "go" || !ours() || message.hash === location.hash) return;
      if (message.arrival < arrivals) return;
      const write = message.replace ? "replaceState" : "pushState";
      history[write](null, "", message.hash);
    };
    window.addEventListener("hashchange", changed);
    model.on("msg:custom", follow);
    arrive(location.hash);
    return () => {
      window.removeEventListener("hashchange", changed);
      model.off("msg:custom", follow);
    };
  },
};
