  // The copy laid on the picture that it was compared with, as the search has found it to lie.
  const stage = byId("stage"), over = byId("over"), under = byId("under");
  let blinking = 0, on = true, explained = null;
  const show = () => {
    const way = document.querySelector("input[name=way]:checked").value;
    clearInterval(blinking);
    stage.className = way;
    over.style.opacity = byId("fade").value / 100;
    byId("fade").disabled = way !== "fade";
    if (way === "blink") blinking = setInterval(() => { on = !on; over.style.opacity = on ? 1 : 0; }, 600);
  };
  const look = (row) => {
    const medoid = facts[clusterOf[row]].medoid;
    const [w, h] = [files.width[medoid], files.height[medoid]];
    const scale = Math.min(480 / w, 480 / h, Math.min(innerWidth - 60, 640) / w);
    const [width, height] = [w * scale, h * scale];
    stage.style.width = `${width}px`;
    stage.style.height = `${height}px`;
    under.src = `data:image/jpeg;base64,${picture(medoid)}`;
    over.src = `data:image/jpeg;base64,${picture(row)}`;
    const k = evidence.get(row);
    const [a, b, x, d, e, y] = k === undefined ? [1, 0, 0, 0, 1, 0] : pairs.map[k];
    over.style.transform = `matrix(${[a, d * height / width, b * width / height, e, x * width / 2, y * height / 2].join(",")})`;
    byId("compare-title").textContent = `${plain(files.filename[row])} on ${plain(files.filename[medoid])}`;
    const said = [word("label", row), `${files.distance_to_medoid[row]} of ${bits} bits differ`, `agreement ${files.score[row].toFixed(2)}`];
    if (k !== undefined) {
      if (pairs.details[pairs.detail[k]]) said.push(pairs.details[pairs.detail[k]]);
      said.push(`${Math.round(100 * pairs.overlap[k])} % of it lies in the other`, `correlation of gradients ${pairs.correlation[k].toFixed(2)}`);
    }
    byId("evidence").textContent = said.map(plain).join(" \u00b7 ");
    explained ||= JSON.parse(byId("explained").textContent);
    const figure = byId("figure");
    figure.hidden = !explained[row];
    if (explained[row]) figure.src = `data:image/jpeg;base64,${explained[row]}`;
    figure.alt = `${byId("evidence").textContent}: the pictures, the one on the other, what differs`;
    byId("compare").showModal();
    show();
  };
  byId("ways").addEventListener("input", show);
  byId("compare").addEventListener("close", () => clearInterval(blinking));
