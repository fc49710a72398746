// The clusters of a review and their files. Joined behind common.js.

function reviewFile(file, pictures, eager) {
  const figure = element("figure", "imgurer-file");
  figure.dataset.fate = file.fate;
  figure.dataset.fileId = file.file_id;
  figure.tabIndex = -1;
  figure.setAttribute("aria-label", [file.alt, file.fate_text, file.differs].filter(Boolean).join(", "));

  const picture = pictureBox(pictures.url(file.offset, file.length), "", eager);
  const tag = element("span", "imgurer-fate");
  if (file.fate === "keep") tag.append(icon("done"));
  tag.append(element("span", "", file.fate_text));
  const pick = element("input", "imgurer-pick");
  pick.type = "checkbox";
  pick.tabIndex = -1;
  pick.setAttribute("aria-label", `Select ${plain(file.name)}`);
  picture.append(tag, pick);

  const caption = element("figcaption");
  caption.append(elided(file.name));
  const folder = file.folder ? elidedFolder(file.folder) : element("div", "imgurer-folder", file.no_folder);
  folder.classList.add("imgurer-folder");
  if (file.path) figure.title = plain(file.path);
  caption.append(folder, element("div", "imgurer-detail", file.detail));
  if (file.differs) caption.append(element("div", "imgurer-differ", file.differs));
  if (file.reason) caption.append(element("div", "imgurer-reason", file.reason));
  figure.append(picture, caption);
  return figure;
}

function actButton(text, key, act, main = false) {
  const button = element("button", "imgurer-act");
  button.classList.toggle("imgurer-main-act", main);
  button.type = "button";
  button.append(element("span", "", text));
  if (key) {
    const hint = element("kbd", "", key);
    hint.setAttribute("aria-hidden", "true");
    button.append(hint);
  }
  button.dataset.act = act;
  return button;
}

function reviewCluster(cluster, place, pictures) {
  const section = element("section", "imgurer-cluster");
  section.dataset.clusterId = cluster.cluster_id;
  section.setAttribute("aria-label", `${cluster.title}, ${cluster.facts}`);
  const head = element("div", "imgurer-cluster-head");
  const title = element("h3", "", cluster.title);
  const acts = element("div", "imgurer-acts");
  const removes = cluster.removes ? `Keep best, remove ${cluster.removes}` : "Nothing to remove";
  const remove = actButton(removes, "x", "remove_others", true);
  remove.disabled = !cluster.removes;
  const different = actButton("Not the same", "d", "different");
  different.disabled = cluster.same_bytes;
  if (cluster.same_bytes) different.title = "These files are the same bytes";
  acts.append(
    remove,
    different,
    actButton("Later", "l", "later"),
    actButton("Compare", "c", "compare"),
  );
  head.append(title, element("span", "imgurer-cluster-facts", cluster.facts), acts);
  section.append(head);
  if (cluster.note) section.append(element("p", "imgurer-cluster-note", cluster.note));
  const files = element("div", "imgurer-files");
  files.append(...cluster.files.map((file) => reviewFile(file, pictures, place < 3)));
  section.append(files);
  if (cluster.more) section.append(element("p", "imgurer-more", `and ${cluster.more.toLocaleString("en")} more files`));
  const how = element("details", "imgurer-how");
  how.append(element("summary", "", "How was this found?"));
  const list = element("ul");
  list.append(...cluster.files.map((file) => element("li", "", `${plain(file.name)}: ${file.found}`)));
  how.append(list);
  section.append(how);
  return section;
}

// What was done to a cluster: it keeps its place, one line high, until the queue is sorted again.
// Where an act failed the line says why, and the cluster stays open.
function showDone(section, done, onUndo, onShow) {
  const isDecided = Boolean(done) && !done.stays;
  if (!isDecided) delete section.dataset.unfolded;
  section.classList.toggle("imgurer-decided", isDecided && !("unfolded" in section.dataset));
  section.querySelector(".imgurer-done-line")?.remove();
  if (!done) return;
  const line = element("div", "imgurer-done-line");
  line.setAttribute("role", "status");
  const meaning = done.stays ? "failed" : done.pending ? "" : "done";
  if (meaning) line.append(icon(meaning, done.stays ? "imgurer-failed" : "imgurer-done"));
  line.append(element("span", "imgurer-done-text", done.text));
  if (!done.stays) line.append(element("span", "imgurer-cluster-facts", section.querySelector("h3").textContent));
  if (!done.pending && !done.stays) {
    const show = element("button", "imgurer-act", "Show");
    show.type = "button";
    show.addEventListener("click", onShow);
    line.append(show);
    if (done.can_undo) {
      const undo = element("button", "imgurer-act", "Undo");
      undo.type = "button";
      undo.addEventListener("click", onUndo);
      line.append(undo);
    }
  }
  section.prepend(line);
}

const sectionOf = (node) => node?.closest(".imgurer-cluster");
// Folded to a line, or shown again.
const isDecided = (section) => section.matches(".imgurer-decided, [data-unfolded]");

// The file that an arrow key leads to; those above and below by where they stand on the page.
function neighborFile(shown, figure, key) {
  const all = shown.filter((other) => !sectionOf(other).classList.contains("imgurer-decided"));
  const place = all.indexOf(figure);
  if (key === "ArrowLeft") return all[place - 1];
  if (key === "ArrowRight") return all[place + 1];
  const here = figure.getBoundingClientRect();
  const down = key === "ArrowDown";
  const beyond = all.filter((other) => {
    const there = other.getBoundingClientRect();
    return down ? there.top > here.top + 8 : there.top < here.top - 8;
  });
  // On wide screens clusters are in two columns: down stays in one while it goes on.
  const left = (other) => Math.abs(sectionOf(other).getBoundingClientRect().left - side);
  const side = sectionOf(figure).getBoundingClientRect().left;
  const column = beyond.filter((other) => left(other) < 8);
  const distance = (other) => {
    const there = other.getBoundingClientRect();
    return Math.abs(there.top - here.top) * 1000 + Math.abs(there.left - here.left);
  };
  return (column.length ? column : beyond).sort((a, b) => distance(a) - distance(b))[0];
}
