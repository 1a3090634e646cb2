// ---------------------------------------------------------------- a panel as a PNG
// The image is one SVG of plain shapes and text where the page has them. Elements of HTML inside an SVG would not do:
// a canvas that has drawn them may not be read in every browser.
const IMAGE_SCALE = 2, IMAGE_MARGIN = 16;

/** Lines of a text as the page broke them: {text, x, y} of each, y the middle of the line. */
function linesOf(node) {
  const lines = [];
  for (const word of node.data.matchAll(/\S+/g)) {
    const place = document.createRange();
    place.setStart(node, word.index);
    place.setEnd(node, word.index + word[0].length);
    for (const box of [...place.getClientRects()].slice(0, 1)) {
      const last = lines.at(-1), middle = box.top + box.height / 2;
      if (last && Math.abs(last.y - middle) < 3) last.text += ` ${word[0]}`;
      else lines.push({text: word[0], x: box.left, y: middle});
    }
  }
  return lines;
}

/** The box of an element: its background, its border below, and a ramp or a hatching as shapes. */
function boxOf(node, style, at) {
  const box = node.getBoundingClientRect(), shapes = [];
  if (!box.width || !box.height) return shapes;
  const place = {x: box.left - at.left, y: box.top - at.top, width: box.width, height: box.height, rx: Math.min(parseFloat(style.borderRadius) || 0, box.height / 2)};
  const rect = more => shapes.push(svg("rect", {...place, ...more}));
  if (node.classList.contains("ramp")) {
    range(0, 49).forEach(step => rect({rx: 0, x: place.x + step * place.width / 50, width: place.width / 50 + .5, style: `fill:color-mix(in oklab, var(--heat-high) ${2 * step}%, var(--heat-low))`}));
  } else if (node.classList.contains("hatched")) rect({fill: hatch("var(--muted)")});
  else if (style.backgroundColor !== "rgba(0, 0, 0, 0)") rect({fill: style.backgroundColor});
  if (node.classList.contains("dot")) rect({fill: "none", stroke: style.borderTopColor});
  else if (parseFloat(style.borderBottomWidth)) rect({rx: 0, y: place.y + place.height - 1, height: 1, fill: style.borderBottomColor});
  return shapes;
}

/** Everything of a panel that is seen, except for its controls and its table of numbers. */
function shapesOf(panel, at) {
  const shapes = [];
  const walk = node => {
    if (node.nodeType === Node.TEXT_NODE) {
      const style = getComputedStyle(node.parentElement);
      for (const line of linesOf(node)) {
        const text = svg("text", {x: line.x - at.left, y: line.y - at.top, fill: style.color, "dominant-baseline": "central",
          style: `font:${style.fontWeight} ${style.fontSize} ${style.fontFamily.replaceAll('"', "'")}`});
        text.append(line.text);
        shapes.push(text);
      }
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches("details, .controls, .sr, button") || getComputedStyle(node).display === "none") return;
    if (node.tagName === "svg") {
      const box = node.getBoundingClientRect(), copy = node.cloneNode(true);
      copy.querySelectorAll(".brush, [aria-label=tip]").forEach(part => part.remove());
      for (const [key, value] of Object.entries({x: box.left - at.left, y: box.top - at.top, width: box.width, height: box.height, overflow: "visible", color: getComputedStyle(node).color})) copy.setAttribute(key, value);
      shapes.push(copy);
      return;
    }
    if (node !== panel) shapes.push(...boxOf(node, getComputedStyle(node), at));
    node.childNodes.forEach(walk);
  };
  walk(panel);
  return shapes;
}

/** Names and values of the page's colors: an image sees no style sheet of the page. */
function variables() {
  const names = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).filter(rule => rule.selectorText === ":root").flatMap(rule => [...rule.style].filter(name => name.startsWith("--")));
  const style = getComputedStyle(document.documentElement);
  return [...new Set(names)].map(name => `${name}:${style.getPropertyValue(name)}`).join(";");
}

/** A panel as it stands on the page, as one SVG on the page's background. */
function imageOf(panel) {
  const box = panel.getBoundingClientRect(), controls = panel.querySelector("details").getBoundingClientRect();
  const at = {left: box.left - IMAGE_MARGIN, top: box.top - IMAGE_MARGIN};
  const [inside, height] = [controls.top - box.top, controls.top - box.top + 2 * IMAGE_MARGIN], width = box.width + 2 * IMAGE_MARGIN;
  const image = svg("svg", {xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`});
  const style = svg("style", {}), page = getComputedStyle(document.body), card = getComputedStyle(panel), chart = getComputedStyle(panel.querySelector(".chart svg") ?? panel);
  style.append(`:root{${variables()};color:${page.color}} svg svg{font:${chart.fontSize} ${chart.fontFamily}}`);
  image.append(style, patterns.cloneNode(true), svg("rect", {width, height, fill: page.backgroundColor}),
    svg("rect", {x: IMAGE_MARGIN, y: IMAGE_MARGIN, width: box.width, height: inside, rx: 10, fill: card.backgroundColor, stroke: card.borderTopColor}), ...shapesOf(panel, at));
  return {width, height, text: new XMLSerializer().serializeToString(image)};
}

/** Save a panel as a PNG of twice the page's resolution. */
async function savePng(id) {
  const drawn = imageOf(element(id)), picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawn.text)}`;
  await picture.decode();
  const canvas = make("canvas", {width: Math.ceil(IMAGE_SCALE * drawn.width), height: Math.ceil(IMAGE_SCALE * drawn.height)});
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  canvas.toBlob(blob => save(`${id}.png`, blob), "image/png");
}
