// A drawing board whose every pixel has one of the given colors: nothing is anti-aliased.
//
// gradio calls this with `element`, where it belongs, and `props`: `colors` [[name, "#rrggbb"]],
// `width` and `height` in pixels, `size` of the brush, `examples` (data URLs). `props.value` is
// the drawing as a data URL (PNG), empty until something was drawn.

const { colors, width, height, examples } = props;
const UNDO_STEPS = 30;
const TOOLS = ["Brush", "Rectangle", "Fill"];

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Radio buttons: the arrow keys choose among them.
function choices(label, entries, className, chosen) {
  const group = make("div", { role: "radiogroup", "aria-label": label, class: className });
  const name = `choice-${Math.random()}`;
  entries.forEach(([text, color], index) => {
    const input = make("input", { type: "radio", name });
    input.checked = index === 0;
    input.addEventListener("change", () => chosen(index));
    const swatch = color ? [make("i", { style: `background: ${color}` })] : [];
    group.append(make("label", {}, input, ...swatch, make("span", {}, text)));
  });
  return group;
}

const canvas = make("canvas", {
  width, height, tabindex: 0, role: "application",
  "aria-label": "Drawing board: arrow keys move, Space paints, Control and Z takes back",
});
const paper = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
paper.imageSmoothingEnabled = false;
const cursor = make("div", { class: "cursor", "aria-hidden": "true" });
const palette = colors.map(([, color]) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)));
const size = make("input", { type: "range", min: 1, max: 48, value: props.size, "aria-label": "Width of the brush" });
const undo = make("button", { type: "button" }, "Undo");
const clear = make("button", { type: "button" }, "Clear");

const past = []; // the pixels before each step, and whether nothing was drawn yet
let tool = 0;
let color = colors.length > 1 ? 1 : 0; // the first one is the paper
let at = { x: width >> 1, y: height >> 1 }; // of the cursor
let start = null; // where the pointer went down, or Space began a rectangle
let before = null; // the picture under a rectangle that is being drawn
let finger = null; // which pointer draws: a second one, or the palm of the hand, does not

function remember() {
  past.push({ pixels: paper.getImageData(0, 0, width, height), blank: !props.value });
  if (past.length > UNDO_STEPS) past.shift();
}

function tell() {
  props.value = canvas.toDataURL("image/png");
}

function stamp({ x, y }) {
  const radius = Number(size.value) / 2;
  for (let row = Math.ceil(-radius); row <= radius; row++) {
    const half = Math.sqrt(radius * radius - row * row);
    const left = Math.round(x - half);
    paper.fillRect(left, Math.round(y + row), Math.max(1, Math.round(x + half) - left), 1);
  }
}

function line(from, to) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y)));
  for (let step = 0; step <= steps; step++) {
    const share = step / steps;
    stamp({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
  }
}

function rectangle(from, to) {
  const [left, right] = [from.x, to.x].map(Math.round).sort((a, b) => a - b);
  const [top, bottom] = [from.y, to.y].map(Math.round).sort((a, b) => a - b);
  paper.fillRect(left, top, right - left + 1, bottom - top + 1);
}

function fill({ x, y }) {
  const picture = paper.getImageData(0, 0, width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const first = Math.floor(y) * width + Math.floor(x);
  const old = pixels[first];
  const fresh = new Uint32Array(new Uint8ClampedArray([...palette[color], 255]).buffer)[0];
  if (old === fresh || old === undefined) return;
  const open = [first];
  pixels[first] = fresh;
  while (open.length) {
    const here = open.pop();
    const column = here % width;
    for (const next of [column > 0 ? here - 1 : -1, column < width - 1 ? here + 1 : -1, here - width, here + width]) {
      if (pixels[next] === old) {
        pixels[next] = fresh;
        open.push(next);
      }
    }
  }
  paper.putImageData(picture, 0, 0);
}

function begin(point) {
  remember();
  paper.fillStyle = colors[color][1];
  start = point;
  before = past.at(-1).pixels;
  if (TOOLS[tool] === "Brush") stamp(point);
  if (TOOLS[tool] === "Fill") fill(point);
}

function go(point) {
  if (start === null) return;
  if (TOOLS[tool] === "Brush") {
    line(start, point);
    start = point;
  } else if (TOOLS[tool] === "Rectangle") {
    paper.putImageData(before, 0, 0);
    rectangle(start, point);
  }
}

function end() {
  if (start === null) return;
  start = null;
  tell();
}

function takeBack() {
  start = null;
  if (!past.length) return;
  const { pixels, blank } = past.pop();
  paper.putImageData(pixels, 0, 0);
  // No steps left is no sign of an empty board: the oldest are forgotten, and a board that is made
  // anew begins with its drawing.
  if (blank) props.value = "";
  else tell();
}

function wipe() {
  paper.fillStyle = colors[0][1];
  paper.fillRect(0, 0, width, height);
}

// Every pixel takes the nearest color: an example may be drawn with a palette that is only near.
async function put(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  paper.drawImage(picture, 0, 0, width, height);
  const pixels = paper.getImageData(0, 0, width, height);
  const data = pixels.data;
  const distance = (index) => (c) => c.reduce((sum, part, k) => sum + (part - data[index + k]) ** 2, 0);
  for (let index = 0; index < data.length; index += 4) {
    const far = palette.map(distance(index));
    palette[far.indexOf(Math.min(...far))].forEach((part, k) => { data[index + k] = part; });
  }
  paper.putImageData(pixels, 0, 0);
}

function show() {
  const box = canvas.getBoundingClientRect();
  const scale = box.width / width || 1;
  const side = TOOLS[tool] === "Brush" ? Math.max(4, Number(size.value) * scale) : 8;
  Object.assign(cursor.style, {
    width: `${side}px`, height: `${side}px`,
    left: `${at.x * scale - side / 2}px`, top: `${at.y * scale - side / 2}px`,
  });
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  at = {
    x: Math.min(width - 1, Math.max(0, ((event.clientX - box.left) / box.width) * width)),
    y: Math.min(height - 1, Math.max(0, ((event.clientY - box.top) / box.height) * height)),
  };
  show();
  return at;
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || finger !== null) return;
  finger = event.pointerId;
  begin(place(event));
  canvas.setPointerCapture(finger); // a stroke goes on outside the board
});
canvas.addEventListener("pointermove", (event) => {
  if (finger === null || event.pointerId === finger) go(place(event));
});
function lift(event) {
  if (event.pointerId !== finger) return;
  finger = null;
  end();
}
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);
canvas.addEventListener("focus", show);

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (event.key in MOVES) {
    const far = event.shiftKey ? 1 : 8;
    const [right, down] = MOVES[event.key];
    at = {
      x: Math.min(width - 1, Math.max(0, at.x + right * far)),
      y: Math.min(height - 1, Math.max(0, at.y + down * far)),
    };
    if (TOOLS[tool] === "Rectangle") go(at);
  } else if (event.key === " " || event.key === "Enter") {
    // Of a rectangle, the first press sets one corner and the second the other.
    const corner = TOOLS[tool] === "Rectangle" && start === null;
    if (start === null) begin(at);
    else go(at);
    if (!corner) end();
  } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) {
    takeBack();
  } else {
    return;
  }
  event.preventDefault();
  show();
});
undo.addEventListener("click", takeBack);
clear.addEventListener("click", () => { end(); remember(); wipe(); tell(); });
size.addEventListener("input", show);

const legend = choices("Color", colors, "legend", (index) => { color = index; });
legend.querySelectorAll("input")[color].checked = true;
const tools = choices("Tool", TOOLS.map((name) => [name]), "tools", (index) => { end(); tool = index; });
const starts = examples.map((address, index) => {
  const button = make("button", { type: "button", class: "start", "aria-label": `Start from example ${index + 1}` },
    make("img", { src: address, alt: "" }));
  button.addEventListener("click", async () => {
    end();
    remember();
    await put(address);
    tell();
  });
  return button;
});
wipe();
if (props.value) put(props.value); // gradio makes the board anew when it was hidden
element.querySelector(".drawing").append(
  legend,
  make("div", { class: "bar" }, tools, make("label", {}, "Width", size), undo, clear),
  make("div", { class: "board", style: `aspect-ratio: ${width} / ${height}` }, canvas, cursor),
  ...(starts.length ? [make("div", { class: "starts" }, "Or start from", ...starts)] : []),
);
