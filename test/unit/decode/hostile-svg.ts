/** A short SVG that draws 10^9 rectangles: minutes of work. */
export function nestedUseSvg(): Uint8Array {
  const levels = Array.from({ length: 9 }, (_, i) => {
    const uses = `<use href="#l${i}"/>`.repeat(10);
    return `<g id="l${i + 1}">${uses}</g>`;
  });
  const defs = `<rect id="l0" width="9" height="9" fill="red" opacity="0.5"/>${levels.join('')}`;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><defs>${defs}</defs><use href="#l9"/></svg>`,
  );
}
