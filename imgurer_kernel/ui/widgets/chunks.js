// Receives a file in pieces: the other end of `ChunkSender`. Joined behind common.js.

// `onDone(blob, facts)` gets the whole file, `onProgress(bytes, facts)` what there is so far.
function chunkReceiver(model, { onDone, onProgress = () => {}, onBroken = () => {} }) {
  let receiving = null;

  const receive = (message, buffers) => {
    if (message.kind === "begin") {
      receiving = { facts: message, parts: [], bytes: 0 };
    } else if (receiving === null || message.number !== receiving.facts.number) {
      return;
    } else if (message.kind === "chunk") {
      const { buffer, byteOffset, byteLength } = buffers[0];
      receiving.parts.push(new Uint8Array(buffer, byteOffset, byteLength).slice());
      receiving.bytes += byteLength;
      model.send({ kind: "received", number: message.number });
    } else if (message.kind === "end") {
      const { parts, facts } = receiving;
      receiving = null;
      onDone(new Blob(parts, { type: facts.type }), facts);
      return;
    } else if (message.kind === "broken") {
      const { facts } = receiving;
      receiving = null;
      onBroken(facts);
      return;
    } else {
      return;
    }
    onProgress(receiving.bytes, receiving.facts);
  };
  model.on("msg:custom", receive);
  return () => {
    model.off("msg:custom", receive);
    model.send({ kind: "stop" });
  };
}
