import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type FigurePage, figurePage } from '../../../lib/report/figure-page.ts';

const page: FigurePage = {
  kind: 'Image GPT probe',
  title: 'Accuracy',
  figure: { type: 'image/svg+xml', bytes: Buffer.from('<svg/>'), alt: 'A curve' },
};

describe('a figure page', () => {
  test('contains its figure, facts and numbers', async () => {
    const html = await figurePage({
      ...page,
      facts: [['seed', '7']],
      table: { columns: [{ title: 'layer' }, { title: 'test %', align: 'right' }], rows: [['3', '61.0']] },
    });
    expect(html).toContain(`<img src="data:image/svg+xml;base64,PHN2Zy8+" alt="A curve">`);
    expect(html).toContain('<dt>seed</dt><dd>7</dd>');
    expect(html).toContain('<th scope="col">layer</th><th scope="col" class="right">test %</th>');
    expect(html).toContain('<tr><td>3</td><td class="right">61.0</td></tr>');
  });

  test('has no script and makes no request', async () => {
    const html = await figurePage(page);
    const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(
      ([, style = '']) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    );
    expect(styles).toHaveLength(2);
    expect(html).toContain(
      `content="default-src 'none'; style-src ${styles.join(' ')}; img-src data:; base-uri 'none'; form-action 'none'"`,
    );
    expect(html).not.toMatch(/<script|https?:|style="|\son[a-z]+=/);
    expect(html).not.toContain('<table');
  });

  test('shows every name as text, not as markup', async () => {
    const hostile = `"><script>alert(1)</script>`;
    const html = await figurePage({
      ...{ kind: hostile, title: hostile, facts: [[hostile, hostile]] },
      figure: { ...page.figure, alt: hostile },
      table: { columns: [{ title: hostile }], rows: [[hostile]] },
    });
    expect(html).not.toContain('<script');
    expect(html.match(/&quot;&gt;&lt;script&gt;/g)).toHaveLength(8);
  });
});
