// The queue of one upload control, shared by all its views: no DOM here.

const BACKLOG = 8; // files that wait for their verdict; more would only fill the disk

function randomKey() {
  // crypto.randomUUID is missing where a page comes over plain HTTP from another machine
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function humanBytes(number) {
  if (number === 1) return "1 byte";
  let size = number;
  for (const unit of ["bytes", "kB", "MB", "GB"]) {
    if (size < 999.5 || unit === "GB") {
      const digits = unit === "bytes" || size >= 99.95 ? 0 : 1;
      return `${size.toFixed(digits)} ${unit}`;
    }
    size /= 1000;
  }
  return "";
}

class Transfer extends EventTarget {
  rows = [];
  #byKey = new Map();
  #pumping = false;
  #watch = 0;
  #asked = null; // when the oldest message without an answer was sent
  #heard = 0;

  constructor(model) {
    super();
    this.model = model;
    model.on("msg:custom", (message, buffers) => this.#receive(message, buffers ?? []));
  }

  add(files) {
    if (!this.model.get("multiple")) {
      this.cancelAll();
      this.clear();
      files = files.slice(0, 1);
    }
    const limit = this.model.get("max_bytes");
    for (const file of files) {
      const row = { key: randomKey(), file, name: file.name, size: file.size, pictures: [] };
      this.rows.push(row);
      this.#byKey.set(row.key, row);
      Object.assign(row, { state: "waiting", sent: 0, acked: 0, received: 0, text: "" });
      if (file.size > limit) {
        row.state = "failed";
        row.status = "rejected";
        row.text = `The file has ${humanBytes(file.size)}; the limit is ${humanBytes(limit)}.`;
      }
    }
    this.#changed();
    this.#pump();
  }

  cancel(row) {
    if (!this.open(row)) return;
    if (row.state !== "waiting") this.#send({ kind: "cancel", key: row.key });
    this.#set(row, { state: "cancelled", text: "Cancelled" });
    this.#pump();
  }

  cancelAll() {
    for (const row of this.rows) if (row.state !== "judging") this.cancel(row);
  }

  retry(row) {
    this.#byKey.delete(row.key);
    row.key = randomKey();
    this.#byKey.set(row.key, row);
    const fresh = { state: "waiting", sent: 0, acked: 0, received: 0, text: "", status: "" };
    this.#set(row, fresh);
    this.#pump();
  }

  clear() {
    for (const row of this.rows) if (!this.open(row)) this.#byKey.delete(row.key);
    this.rows = this.rows.filter((row) => this.open(row));
    this.#changed();
  }

  open(row) {
    return ["waiting", "sending", "judging"].includes(row.state);
  }

  retryable(row) {
    return row.state === "cancelled" || (row.state === "failed" && row.status !== "rejected");
  }

  dispose() {
    clearInterval(this.#watch);
    for (const row of this.rows) this.cancel(row);
  }

  async #pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#watch ||= setInterval(() => this.#look(), 1000);
    for (;;) {
      const judging = this.rows.filter((row) => row.state === "judging").length;
      const next = this.rows.find((row) => row.state === "waiting");
      if (!next || judging >= BACKLOG) break;
      await this.#transmit(next);
    }
    this.#pumping = false;
    if (!this.rows.some((row) => this.open(row))) {
      clearInterval(this.#watch);
      this.#watch = 0;
      this.#asked = null;
    }
  }

  async #transmit(row) {
    const key = row.key;
    const mine = () => row.key === key && row.state === "sending";
    this.#set(row, { state: "sending" });
    this.#send({ kind: "begin", key, name: row.name, size: row.size });
    for (let offset = 0; mine() && offset < row.size; ) {
      while (mine() && row.sent - row.acked >= this.model.get("window")) {
        await new Promise((resolve) => (row.wake = resolve));
      }
      if (!mine()) return;
      let chunk;
      try {
        chunk = await row.file.slice(offset, offset + this.model.get("chunk_bytes")).arrayBuffer();
      } catch {
        // moved, changed or removed since it was chosen
        this.#send({ kind: "cancel", key });
        this.#fail(row, "The browser can no longer read this file; choose it again.");
        return;
      }
      if (!mine()) return;
      this.#send({ kind: "chunk", key, sequence: row.sent, offset }, [chunk]);
      offset += chunk.byteLength;
      row.sent += 1;
    }
    if (!mine()) return;
    this.#send({ kind: "end", key });
    // `end` is answered by "received", which makes the row a judged one
    while (mine()) await new Promise((resolve) => (row.wake = resolve));
  }

  #send(message, buffers = []) {
    this.#asked ??= Date.now();
    this.model.send(message, undefined, buffers);
  }

  #receive(message, buffers) {
    this.#heard = Date.now();
    this.#asked = null;
    if (message.kind === "clear") this.clear();
    const row = this.#byKey.get(message.key);
    if (!row || !this.open(row)) return;
    if (message.kind === "ack") {
      this.#set(row, { acked: message.chunks, received: message.bytes });
    } else if (message.kind === "received") {
      this.#set(row, { state: "judging", received: row.size });
    } else if (message.kind === "failed") {
      this.#fail(row, message.text);
    } else if (message.kind === "verdict") {
      row.verdict = message;
      row.pictures = buffers;
      const state = message.status === "failed" ? "failed" : "done";
      this.#set(row, { state, status: message.status, text: message.text });
      this.#pump();
    }
  }

  // Only a question without an answer counts: timers of a hidden page run rarely.
  #look() {
    const now = Date.now();
    const limit = this.model.get("stall_seconds");
    if (this.#asked === null) {
      if (now - this.#heard > 3000) this.#send({ kind: "ping" });
    } else if (now - this.#asked > limit * 1000) {
      this.#asked = null;
      const text = `No answer for ${Math.round(limit)} seconds: the kernel is busy or has stopped.`;
      for (const row of this.rows.filter((each) => this.open(each))) {
        if (row.state !== "waiting") this.model.send({ kind: "cancel", key: row.key });
        this.#fail(row, text);
      }
    }
  }

  #fail(row, text) {
    this.#set(row, { state: "failed", status: "failed", text });
    this.#pump();
  }

  #set(row, values) {
    Object.assign(row, values);
    row.wake?.();
    row.wake = null;
    this.dispatchEvent(new CustomEvent("row", { detail: row }));
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("rows"));
  }
}
