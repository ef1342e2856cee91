/** Size of what stands in a plot, pixels. */
export const FONT_SIZE = 13;

/** Colours that people with any kind of colour vision tell apart (Okabe and Ito), darkest first. */
export const SERIES_COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

/** A whole drawing with a white ground. */
export function svg(width: number, height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif" font-size="${FONT_SIZE}">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

interface TextOptions {
  /** Which end of the text is at `x`. Default `middle`. */
  anchor?: 'start' | 'middle' | 'end';
  /** Default dark grey. */
  color?: string;
  weight?: 'bold';
  /** Turned by so many degrees around its place. */
  turn?: number;
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

/** Tenths of a pixel are enough, and keep files small. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** XML has no place for most control characters and these two, not even escaped. */
function escapeText(words: string): string {
  return words
    .replaceAll(/[\p{Cc}\ufffe\uffff]/gu, '�')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** Letters of East Asia, and emoji: about as wide as they are high. */
const WIDE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\uff00-\uff60]/gu;

/** Width of a text, roughly: other letters of these fonts take a little more than half their size. */
export function textWidth(words: string): number {
  const wide = words.match(WIDE)?.length ?? 0;
  return (wide + ([...words].length - wide) * 0.58) * FONT_SIZE;
}

/** As much of a text as fits. */
export function fitted(words: string, width: number): string {
  if (textWidth(words) <= width) return words;
  const letters = [...words];
  while (letters.length > 0 && textWidth(letters.join('')) > width - FONT_SIZE) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}
