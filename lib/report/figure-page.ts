import { escapeHtml, htmlHead, pagePart } from './html-page.ts';

/** The numbers behind a figure. */
interface FigureTable {
  columns: readonly { title: string; align?: 'left' | 'right' }[];
  rows: readonly (readonly string[])[];
}

export interface FigurePage {
  /** Kind of page, above its title. */
  kind: string;
  title: string;
  figure: {
    type: 'image/svg+xml' | 'image/png';
    bytes: Uint8Array;
    /** Description for those who cannot see it. */
    alt: string;
  };
  /** Facts above the figure, in order (default: none). */
  facts?: readonly (readonly [name: string, value: string])[];
  /** The numbers of the figure as a table (default: none). */
  table?: FigureTable;
}

/** One figure as a self-contained page without a script, in the style of the report. */
export async function figurePage({ kind, title, figure, facts = [], table }: FigurePage): Promise<string> {
  const styles = await Promise.all(['page.css', 'figure.css'].map(pagePart));
  const data = Buffer.from(figure.bytes).toString('base64');
  const known = facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>\n`);
  return `${htmlHead({ title, styles })}<body>
<header>
<p class="eyebrow">${escapeHtml(kind)}</p>
<h1>${escapeHtml(title)}</h1>
</header>
<main>
${known.length === 0 ? '' : `<dl class="facts">\n${known.join('')}</dl>\n`}<figure class="figure card"><img src="data:${figure.type};base64,${data}" alt="${escapeHtml(figure.alt)}"></figure>
${table === undefined ? '' : tableHtml(table)}</main>
</body>
</html>
`;
}

function tableHtml({ columns, rows }: FigureTable): string {
  const cell = (name: 'th' | 'td', text: string, column: number): string => {
    const scope = name === 'th' ? ' scope="col"' : '';
    const right = columns[column]?.align === 'right' ? ' class="right"' : '';
    return `<${name}${scope}${right}>${escapeHtml(text)}</${name}>`;
  };
  const line = (name: 'th' | 'td', texts: readonly string[]): string =>
    `<tr>${texts.map((text, column) => cell(name, text, column)).join('')}</tr>\n`;
  const head = line(
    'th',
    columns.map(({ title }) => title),
  );
  return `<section class="numbers" aria-label="The numbers" tabindex="0">
<table>
<thead>
${head}</thead>
<tbody>
${rows.map((row) => line('td', row)).join('')}</tbody>
</table>
</section>
`;
}
