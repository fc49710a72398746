// The queue of one upload control, shared by all its views: no DOM here.

const BACKLOG = 32; // files that wait for their verdict: two for each thread
const AHEAD = 8 << 20; // bytes of files whose receipts are on their way: on a busy machine each takes long
const PING = 3000; // milliseconds between two questions whether the kernel is there
const OVERTAKEN = 1000; // milliseconds by which messages may overtake one another

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
  #told = false; // whether the kernel has been sent the open files
  #timer = 0;
  #unansweredSince = null; // when the first message was sent since the kernel last answered
  #pinged = 0;
  #ponged = 0; // when the last question that was answered had been sent

  constructor(model) {
    super();
    this.model = model;
    model.on("msg:custom", (message, buffers) => this.#receive(message, buffers ?? []));
    this.#tell(false, true); // for uploads that an earlier page has left unfinished
  }

  add(files) {
    if (!this.model.get("multiple")) {
      for (const row of this.rows) this.cancel(row);
      this.clear();
      files = files.slice(0, 1);
    }
    if (!files.length) return;
    // Nobody sees the rows of those before, which hold on to their files.
    if (!this.model.get("listed") && !this.rows.some((row) => this.open(row))) this.clear();
    this.#send({ kind: "chosen", files: files.length });
    const limit = this.model.get("max_bytes");
    for (const file of files) {
      const row = { file, name: file.name, size: file.size, pictures: [] };
      this.rows.push(row);
      this.#reset(row);
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
    this.#reset(row);
    this.#set(row, {});
    this.#pump();
  }

  #reset(row) {
    const fresh = { key: randomKey(), state: "waiting", flight: new Map(), received: 0 };
    Object.assign(row, fresh, { text: "", status: "", verdict: null });
    this.#byKey.set(row.key, row);
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
    clearInterval(this.#timer);
    for (const row of this.rows) this.cancel(row);
  }

  async #pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    if (this.rows.some((row) => this.open(row))) this.#tell(true);
    this.#timer ||= setInterval(() => this.#watchConnection(), 1000);
    for (;;) {
      const judging = this.rows.filter((row) => row.state === "judging").length;
      const sending = this.rows.filter((row) => row.state === "sending");
      const ahead = sending.reduce((sum, row) => sum + row.size - row.received, 0);
      const next = this.rows.find((row) => row.state === "waiting");
      if (!next || judging >= BACKLOG || (sending.length && ahead >= AHEAD)) break;
      await this.#transmit(next);
    }
    this.#pumping = false;
    if (!this.rows.some((row) => this.open(row))) {
      clearInterval(this.#timer);
      this.#timer = 0;
      this.#unansweredSince = null;
      this.#tell(false);
    }
  }

  // Between two small files nothing may be under way in the kernel, and yet it is not over.
  #tell(open, anyway = false) {
    if (open === this.#told && !anyway) return;
    this.#told = open;
    this.model.send({ kind: "queue", open });
  }

  async #transmit(row) {
    const key = row.key;
    const mine = () => row.key === key && row.state === "sending";
    this.#set(row, { state: "sending" });
    const count = Math.max(1, Math.ceil(row.size / this.model.get("chunk_bytes")));
    for (let sequence = 0; mine() && sequence < count; sequence += 1) {
      while (mine() && row.flight.size >= this.model.get("window")) await this.#nextChange(row);
      if (mine()) await this.#chunk(row, sequence);
    }
    this.#awaitReceipts(row, mine); // the next file need not wait for that
  }

  async #awaitReceipts(row, mine) {
    while (mine() && row.flight.size) await this.#nextChange(row);
    if (!mine()) return;
    this.#set(row, { state: "judging", since: Date.now() });
    this.#pump();
  }

  #nextChange(row) {
    return new Promise((resolve) => (row.wake = resolve));
  }

  async #chunk(row, sequence) {
    const { key, name, size } = row;
    const start = sequence * this.model.get("chunk_bytes");
    row.flight.set(sequence, Date.now());
    let data;
    try {
      data = await row.file.slice(start, start + this.model.get("chunk_bytes")).arrayBuffer();
    } catch {
      // moved, changed or removed since it was chosen
      if (row.key !== key || row.state !== "sending") return;
      this.#send({ kind: "cancel", key });
      this.#fail(row, "The browser can no longer read this file; choose it again.");
      return;
    }
    if (row.key !== key || row.state !== "sending") return;
    row.flight.set(sequence, Date.now());
    this.#send({ kind: "chunk", key, name, size, sequence }, [data]);
  }

  #send(message, buffers = []) {
    this.#unansweredSince ??= Date.now();
    this.model.send(message, undefined, buffers);
  }

  #receive(message, buffers) {
    this.#unansweredSince = null;
    if (message.kind === "pong") this.#ponged = Math.max(this.#ponged, message.at);
    if (message.kind === "clear") this.clear();
    const row = this.#byKey.get(message.key);
    if (!row || !(this.open(row) || this.#betters(row, message))) return;
    if (message.kind === "ack") {
      row.flight.delete(message.sequence);
      this.#set(row, { received: Math.max(row.received, message.bytes) });
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

  // What was added is compared when nothing waits any more, and may turn out a near duplicate.
  #betters(row, message) {
    return row.state === "done" && row.status === "added" && message.kind === "verdict";
  }

  // Only a question without an answer counts as silence: timers of a hidden page run rarely.
  #watchConnection() {
    const now = Date.now();
    const limit = this.model.get("stall_seconds");
    if (this.#unansweredSince !== null && now - this.#unansweredSince > limit * 1000) {
      this.#unansweredSince = null;
      this.#giveUp(`No answer for ${Math.round(limit)} seconds: the kernel is busy or has stopped.`);
      return;
    }
    for (const row of this.rows) this.#resendLost(row, now);
    if (now - this.#pinged > PING) {
      this.#pinged = now;
      this.#send({ kind: "ping", at: now });
    }
  }

  // A connection that broke and came back loses what was on its way, in either direction. A
  // question that was sent later and was answered proves it, however slow the connection is.
  #resendLost(row, now) {
    const lost = (sent) => this.#ponged - sent > OVERTAKEN;
    if (row.state === "sending") {
      for (const [sequence, sent] of row.flight) if (lost(sent)) this.#chunk(row, sequence);
    } else if (row.state === "judging" && lost(row.since)) {
      row.since = now;
      this.#send({ kind: "ask", key: row.key });
    }
  }

  #giveUp(text) {
    for (const row of this.rows.filter((each) => this.open(each) && each.state !== "waiting")) {
      this.model.send({ kind: "cancel", key: row.key });
      this.#fail(row, text);
    }
    for (const row of this.rows.filter((each) => each.state === "waiting")) this.#fail(row, text);
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
