type Attributes = Readonly<Record<string, string | number | undefined>>;
type Child = Node | string | undefined;

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; text is text, whatever it holds. */
export function html<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes,
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled<Of extends Element>(element: Of, attributes: Attributes, children: readonly Child[]): Of {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, String(value));
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** A long name that may be broken after its `_` and `.`. */
export function breakable(name: string): readonly Child[] {
  return name
    .split(/(?<=[_.])/)
    .flatMap((part, index) => (index === 0 ? [part] : [document.createElement("wbr"), part]));
}

/** An element that the page's HTML has. */
export function place(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new RangeError(`the page has no #${id}`);
  return found;
}

/** A button that looks like a word in a sentence. */
export function link(text: string, follow: () => void): HTMLButtonElement {
  const button = html("button", { type: "button", class: "link" }, text);
  button.addEventListener("click", follow);
  return button;
}
