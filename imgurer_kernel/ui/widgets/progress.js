export default {
  render({ model, el }) {
    prepare(el, "imgurer-working");
    el.setAttribute("role", "status");
    const rest = element("span", "imgurer-rest");
    const line = element("div", "imgurer-work");
    const spinner = element("span", "imgurer-spinner");
    spinner.setAttribute("aria-hidden", "true");
    const what = element("span");
    const bar = element("progress");
    const far = element("span", "imgurer-far");
    const cancel = element("button", "imgurer-link", "Cancel");
    cancel.type = "button";
    cancel.addEventListener("click", () => model.send({ kind: "cancel" }));
    line.append(spinner, what, bar, far, cancel);
    const failure = element("div", "imgurer-failure");
    failure.setAttribute("role", "alert");
    el.append(rest, line, failure);
    let since = 0;
    let timer = 0;

    const tick = () => {
      const seconds = Math.floor((performance.now() - since) / 1000);
      const [done, total] = [model.get("done"), model.get("total")];
      bar.hidden = !total;
      cancel.hidden = seconds < 1;
      if (total) {
        bar.max = total;
        bar.value = done;
        far.textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      } else {
        far.textContent = seconds >= 2 ? `for ${seconds} seconds now` : "";
      }
    };
    const show = () => {
      const shown = model.get("shown");
      line.hidden = !shown;
      rest.hidden = shown;
      rest.textContent = model.get("rest");
      what.textContent = `${model.get("what")} …`;
      const words = model.get("failure");
      failure.hidden = !words;
      if (failure.dataset.words !== words) {
        failure.dataset.words = words;
        failure.replaceChildren(...(words ? [icon("failed", "imgurer-failed"), element("span", "", words)] : []));
      }
      if (shown && !timer) {
        since = performance.now();
        timer = setInterval(tick, 250);
      } else if (!shown && timer) {
        clearInterval(timer);
        timer = 0;
      }
      if (shown) tick();
    };
    for (const name of ["shown", "what", "done", "total", "failure", "rest"]) {
      model.on(`change:${name}`, show);
    }
    show();
    return () => clearInterval(timer);
  },
};
