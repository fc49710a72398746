export default {
  render({ model, el }) {
    prepare(el, "imgurer-progress");
    el.setAttribute("role", "status");
    const idle = element("span", "imgurer-progress-idle");
    const running = element("div", "imgurer-progress-running");
    const spinner = element("span", "imgurer-spinner");
    spinner.setAttribute("aria-hidden", "true");
    const label = element("span", "imgurer-progress-label");
    const bar = element("progress");
    const count = element("span", "imgurer-progress-count");
    const cancel = element("button", "imgurer-link", "Cancel");
    cancel.type = "button";
    cancel.addEventListener("click", () => model.send({ kind: "cancel" }));
    running.append(spinner, label, bar, count, cancel);
    const failure = element("div", "imgurer-progress-error");
    failure.setAttribute("role", "alert");
    el.append(idle, running, failure);
    let startedAt = 0;
    let timer = 0;

    const tick = () => {
      const seconds = Math.floor((performance.now() - startedAt) / 1000);
      const [done, total] = [model.get("done"), model.get("total")];
      bar.hidden = !total;
      cancel.hidden = seconds < 1;
      if (total) {
        bar.max = total;
        bar.value = done;
        count.textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      } else {
        count.textContent = seconds >= 2 ? `for ${seconds} seconds now` : "";
      }
    };
    const show = () => {
      const shown = model.get("shown");
      running.hidden = !shown;
      idle.hidden = shown;
      idle.textContent = model.get("idle_text");
      label.textContent = `${model.get("label")} …`;
      const text = model.get("failure");
      failure.hidden = !text;
      if (failure.dataset.text !== text) {
        failure.dataset.text = text;
        failure.replaceChildren(...(text ? [icon("failed", "imgurer-failed"), element("span", "", text)] : []));
        // Below a form it may be beyond the edge of a small screen.
        if (text) failure.scrollIntoView({ block: "nearest" });
      }
      if (shown && !timer) {
        startedAt = performance.now();
        timer = setInterval(tick, 250);
      } else if (!shown && timer) {
        clearInterval(timer);
        timer = 0;
      }
      if (shown) tick();
    };
    for (const name of ["shown", "label", "done", "total", "failure", "idle_text"]) {
      model.on(`change:${name}`, show);
    }
    show();
    return () => clearInterval(timer);
  },
};
