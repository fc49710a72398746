export default {
  render({ model, el }) {
    prepare(el, "imgurer-facts");
    let pictures = null;

    function render() {
      const content = model.get("_content");
      const fresh = new Pictures(content.blob);
      const nodes = [];
      if (content.title || content.facts.length || content.blob.byteLength) {
        const frame = pictureBox(fresh.url(0, content.blob.byteLength), content.alt, true);
        const heading = element("h3");
        heading.append(elided(content.title));
        const list = element("dl");
        for (const [label, value] of content.facts) {
          list.append(element("dt", "", label), element("dd", "", value));
        }
        nodes.push(frame, heading, list);
      } else {
        nodes.push(emptyState(model.get("empty_text")));
      }
      el.replaceChildren(...nodes);
      pictures?.revoke();
      pictures = fresh;
    }

    model.on("change:_content", render);
    model.on("change:empty_text", render);
    render();
    return () => pictures?.revoke();
  },
};
