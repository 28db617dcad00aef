// The slider over the samples: the arrow keys move it once it has the focus.
const held = document.getElementById("pictures");
if (held) {
  const pictures = JSON.parse(held.textContent);
  const [image, columns, slider, step] = ["sample", "columns", "when", "step"].map((id) =>
    document.getElementById(id),
  );
  const show = () => {
    const { data, width, enlarged, columns: names, step: reached } = pictures[slider.value];
    image.src = data;
    image.style.width = `${width}px`;
    image.classList.toggle("enlarged", enlarged);
    columns.replaceChildren(
      ...names.map((name) => Object.assign(document.createElement("span"), { textContent: name })),
    );
    step.textContent = `step ${reached}`;
  };
  slider.addEventListener("input", show);
  show();
}
