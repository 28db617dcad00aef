// The slider over the samples: the arrow keys move it once it has the focus.
const held = document.getElementById("pictures");
if (held) {
  const pictures = JSON.parse(held.textContent);
  const [image, slider, step] = ["sample", "when", "step"].map((id) => document.getElementById(id));
  const show = () => {
    const { data, step: reached } = pictures[slider.value];
    image.src = data;
    step.textContent = `step ${reached}`;
  };
  slider.addEventListener("input", show);
  show();
}
