// The row of one file. Joined behind transfer.js.

const STATUS = {
  added: ["done", "Added"],
  ready: ["done", "Ready"],
  duplicate: ["attention", "Already here"],
  near: ["attention", "Near duplicate"],
  rejected: ["failed", "Rejected"],
  failed: ["failed", "Failed"],
  cancelled: ["", "Cancelled"],
};

function button(text, picture, action) {
  const node = element("button", "imgurer-button");
  node.type = "button";
  if (picture) node.append(icon(picture));
  node.append(element("span", "", text));
  node.addEventListener("click", action);
  return node;
}

function small(label, picture, action) {
  const node = button("", picture, action);
  node.classList.add("imgurer-small");
  node.setAttribute("aria-label", label);
  node.title = label;
  return node;
}

// One row of one view: made once, then only brought up to date.
class RowView {
  #urls = [];
  raised = false; // to the top of the list

  constructor(row, transfer, open) {
    this.row = row;
    this.transfer = transfer;
    this.open = open;
    this.node = element("li", "imgurer-upload-row");
    this.thumbnail = element("span", "imgurer-thumbnail");
    this.thumbnail.append(icon("picture"));
    const middle = element("div", "imgurer-upload-middle");
    const line = element("div", "imgurer-upload-line");
    line.append(elided(row.name), element("span", "imgurer-upload-size", humanBytes(row.size)));
    this.bar = element("div", "imgurer-bar");
    this.bar.setAttribute("role", "progressbar");
    this.bar.setAttribute("aria-label", `Upload of ${row.name}`);
    this.bar.append(element("span"));
    this.verdict = element("div", "imgurer-verdict");
    middle.append(line, this.bar, this.verdict);
    this.match = element("div", "imgurer-match");
    this.actions = element("div", "imgurer-upload-actions");
    this.node.append(this.thumbnail, middle, this.match, this.actions);
    this.update();
  }

  update() {
    const { row, transfer } = this;
    this.node.dataset.state = row.state;
    const part = row.size ? row.received / row.size : Number(row.state !== "waiting");
    this.bar.hidden = !["sending", "waiting"].includes(row.state);
    this.bar.firstChild.style.transform = `scaleX(${part})`;
    this.bar.setAttribute("aria-valuenow", String(Math.round(part * 100)));
    const state = `${row.state} ${row.status}`;
    if (this.state === state) return; // all below changes with the state only
    this.state = state;
    const [meaning, label] = STATUS[row.state === "cancelled" ? "cancelled" : row.status] ?? ["", ""];
    const running = { waiting: "Waiting", sending: "", judging: "Looking at it" }[row.state];
    this.verdict.className = `imgurer-verdict ${meaning ? `imgurer-${meaning}` : ""}`;
    this.verdict.replaceChildren();
    if (running === undefined && meaning) this.verdict.append(icon(meaning));
    this.verdict.append(element("span", "", running ?? (row.text || label)));
    this.#pictures();
    this.#showButton(
      transfer.open(row) && row.state !== "judging" ? "cancel" : transfer.retryable(row) ? "retry" : "",
    );
  }

  // Keep a button that stays: a press that has begun on it must end on it.
  #showButton(action) {
    if (this.action === action) return;
    this.action = action;
    const { row, transfer } = this;
    const made = {
      "": () => [],
      cancel: () => [small(`Cancel ${row.name}`, "close", () => transfer.cancel(row))],
      retry: () => [button("Retry", "retry", () => transfer.retry(row))],
    };
    const focused = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(...made[action]());
    if (focused) this.actions.querySelector("button")?.focus();
  }

  #picture(bytes, alt, imageId) {
    if (!bytes?.byteLength) return icon("picture");
    const image = element("img");
    image.alt = alt;
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    this.#urls.push(url);
    image.src = url;
    if (imageId < 0) return image;
    const link = element("button", "imgurer-picture-button");
    link.type = "button";
    link.title = "Search for this picture";
    link.append(image);
    link.addEventListener("click", () => this.open(imageId));
    return link;
  }

  #pictures() {
    const { verdict, pictures, name, state } = this.row;
    this.dispose();
    const settled = verdict && state === "done";
    const thumbnail = settled
      ? this.#picture(pictures[0], name, verdict.image_id)
      : icon("picture");
    this.thumbnail.replaceChildren(thumbnail);
    this.match.replaceChildren();
    this.match.hidden = !(settled && (verdict.match || verdict.match_text));
    if (this.match.hidden) return;
    if (verdict.match) {
      const frame = element("span", "imgurer-thumbnail");
      const alt = verdict.match_text || `The picture that ${name} resembles`;
      frame.append(this.#picture(pictures[1], alt, verdict.match_image_id));
      this.match.append(frame);
    }
    this.match.append(element("span", "imgurer-match-text", verdict.match_text));
  }

  dispose() {
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
    this.#urls = [];
  }
}
