// Voila's page is ours, and so is its address; JupyterLab's is not.
const ownsPage = () => document.body.dataset.voila !== undefined;

export default {
  render({ model, el }) {
    el.hidden = true;
    let navigations = 0;
    const report = (hash) => {
      navigations += 1;
      const own = ownsPage() ? hash : "";
      model.send({ kind: "navigated", hash: own, navigation: navigations });
    };
    // Fires on Back and Forward, and when somebody edits the address; not on pushState. It comes a
    // moment after the change: what was written meanwhile answers something older.
    const hashChanged = (event) => {
      const { hash } = new URL(event.newURL);
      if (ownsPage() && hash !== location.hash) history.replaceState(null, "", event.newURL);
      report(hash);
    };
    const receive = (message) => {
      if (message.kind !== "go" || !ownsPage() || message.hash === location.hash) return;
      if (message.navigation < navigations) return;
      const write = message.replace ? "replaceState" : "pushState";
      history[write](null, "", message.hash);
    };
    window.addEventListener("hashchange", hashChanged);
    model.on("msg:custom", receive);
    report(location.hash);
    return () => {
      window.removeEventListener("hashchange", hashChanged);
      model.off("msg:custom", receive);
    };
  },
};
