/** Font size of a plot (pixels). */
export const fontSize = 13;

/** Colours that are distinct in every kind of colour vision (Okabe and Ito), darkest first. */
export const seriesColors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

/** A complete SVG with a white background. */
export function svg(width: number, height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif" font-size="${fontSize}">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

interface TextOptions {
  /** The part of the text that is at `x` (default: `middle`). */
  anchor?: 'start' | 'middle' | 'end' | undefined;
  /** Default: dark grey. */
  color?: string | undefined;
  weight?: 'bold' | undefined;
  /** Rotation around (x, y) (degrees). */
  turn?: number | undefined;
}

export function text(x: number, y: number, words: string, options: TextOptions = {}): string {
  const { anchor = 'middle', color = '#333333', weight, turn } = options;
  const attributes = [
    `x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${color}"`,
    weight === undefined ? '' : ` font-weight="${weight}"`,
    turn === undefined ? '' : ` transform="rotate(${turn} ${round(x)} ${round(y)})"`,
  ];
  return `<text ${attributes.join('')}>${escapeText(words)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, color: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${color}"/>`;
}

/** Rounds to tenths of a pixel, which keeps files small. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** XML does not allow most control characters, U+FFFE and U+FFFF, not even escaped. */
function escapeText(words: string): string {
  return words
    .replaceAll(/[\p{Cc}\ufffe\uffff]/gu, '�')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** East Asian characters and emoji, which are about as wide as high. */
const wideCharacters = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\uff00-\uff60]/gu;

/** Approximate width of a text (pixels). Other characters take a little more than half the font size. */
export function textWidth(words: string): number {
  const wide = words.match(wideCharacters)?.length ?? 0;
  return (wide + ([...words].length - wide) * 0.58) * fontSize;
}

/** Shortens a text to a width (pixels). */
export function fitted(words: string, width: number): string {
  if (textWidth(words) <= width) return words;
  const letters = [...words];
  while (letters.length > 0 && textWidth(letters.join('')) > width - fontSize) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}
