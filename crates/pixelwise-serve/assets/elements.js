// Making elements of a page. Styles are classes; what is computed goes through the CSS object model, as the
// Content-Security-Policy asks for.

const SVG = "http://www.w3.org/2000/svg";

/** The element of an id; pages are written so that it is there. */
export const byId = (id) => document.getElementById(id);

/**
 * Makes an element: properties of its object, `class`, `data-…` and `aria-…` as attributes, and what is in it.
 */
export function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Makes an element of SVG; all its properties are attributes. */
export function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The caption of a small map: a name whose first word is for screen readers alone, and the map's sum. */
export function caption(what, name, sum) {
  return make(
    "span", { class: "caption" },
    make("span", {}, make("span", { class: "unseen", textContent: `${what} ` }), make("b", { textContent: String(name) })),
    " ",
    sum,
  );
}

/** Options of a select, from pairs of value and text; keeps what was chosen, if it is still there. */
export function fillSelect(select, pairs, chosen = select.value) {
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value, textContent: text })));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}
