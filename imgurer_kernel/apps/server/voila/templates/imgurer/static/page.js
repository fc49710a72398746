/* The page around the dashboard: shows it when it is ready, says so when its kernel is lost, and
   ends the kernel with the page. */

(() => {
  "use strict";

  const $ = (id) => document.getElementById(id);
  let parsed = false;
  let leaving = false;
  let open = 0;

  // Voila calls these: the first where starting takes long, the second when the theme is there.
  window.voila_heartbeat = () => {};
  window.voila_finish = () => {
    if (!parsed || !window.themeLoaded) {
      window.cellLoaded = true;
      return;
    }
    $("rendered_cells").hidden = false;
    $("loading")?.remove();
  };

  document.addEventListener("DOMContentLoaded", () => {
    parsed = true;
    if ($("unopened")) {
      $("loading").replaceWith($("unopened"));
    } else {
      window.voila_finish();
    }
  });

  // The kernel ----------------------------------------------------------------------------

  const kernel = () => JSON.parse($("jupyter-config-data").textContent).kernelId;

  const cookie = (name) =>
    document.cookie
      .split("; ")
      .find((pair) => pair.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? "";

  // No answer is no kernel: nothing is known of it until there is one.
  const answer = async () => {
    try {
      return (await fetch(`/api/kernels/${kernel()}`, { cache: "no-store" })).status;
    } catch {
      return 0;
    }
  };

  const WORDS = {
    0: ["The server does not answer. It may have been stopped.", "Try again"],
    403: ["You are no longer logged in.", "Log in"],
    404: ["This page's session on the server has ended. Reloading begins a new one.", "Reload"],
  };

  const say = (status) => {
    document.querySelector(".imgurer-lost")?.remove();
    if (!(status in WORDS)) {
      return;
    }
    const [sentence, act] = WORDS[status];
    const box = document.createElement("div");
    box.className = "imgurer-lost";
    box.setAttribute("role", "alert");
    box.innerHTML =
      '<svg viewBox="0 0 16 16" width="20" height="20" fill="none" stroke="currentColor" ' +
      'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">' +
      '<path d="M8 2 1.5 13.5h13zM8 6.5v3M8 11.6v.1" /></svg><p></p><a></a>';
    box.querySelector("p").textContent = sentence;
    const link = box.querySelector("a");
    link.textContent = act;
    link.href = location.href;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      location.reload();
    });
    document.body.append(box);
  };

  const watch = async () => {
    if (leaving || open > 0) {
      return;
    }
    const status = await answer();
    if (!leaving && open === 0) {
      say(status);
      if (status === 0 || status === 200) {
        setTimeout(watch, 3000);
      }
    }
  };

  // JupyterLab opens the connection again by itself where it can, and says nothing where not.
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      let mine = 0;
      this.addEventListener("open", () => {
        mine = 1;
        open += mine;
        say();
      });
      this.addEventListener("close", () => {
        open -= mine;
        mine = 0;
        setTimeout(watch, 1000);
      });
    }
  };

  // A page that is kept to go back to keeps its kernel too.
  window.addEventListener("pagehide", (event) => {
    leaving = true;
    if (!event.persisted && $("jupyter-config-data")) {
      const body = new URLSearchParams({ _xsrf: cookie("_xsrf") });
      navigator.sendBeacon(`/voila/api/shutdown/${kernel()}`, body);
    }
  });

  window.addEventListener("pageshow", () => {
    leaving = false;
  });
})();
