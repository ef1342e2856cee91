import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { reportMark, reportPage } from '../../../lib/report/report-page.ts';
import type { ReportRow } from '../../../lib/report/report-row.ts';
import { reportAbout, reportRowAt, reportRowsOf } from '../../support/report-rows.ts';

async function page(rows: readonly ReportRow[], limit?: number): Promise<string> {
  const pieces = reportPage(reportRowsOf(rows), reportAbout, limit === undefined ? {} : { limit });
  return (await Array.fromAsync(pieces)).join('');
}

function embeddedJson(html: string, id: string): unknown {
  const text = new RegExp(`<script type="application/json" id="${id}">(.*?)</script>`, 's').exec(html)?.[1];
  return JSON.parse(text ?? '');
}

describe('report page', () => {
  test('contains every row and the totals', async () => {
    const rows = [0, 1, 6].map((i) => reportRowAt(i));
    const html = await page(rows);
    expect(html.startsWith(reportMark)).toBe(true);
    expect(embeddedJson(html, 'rows')).toEqual(rows);
    // 1 + 0 and 1 + 0.61 nats
    expect(embeddedJson(html, 'totals')).toEqual({
      pictures: 3,
      succeeded: 2,
      failed: 1,
      nats: 1.305,
      labels: [
        ['cat', 1],
        ['dog', 1],
      ],
      failures: [['corrupt_image', 1]],
    });
  });

  test('no text closes a script or becomes markup', async () => {
    const hostile = '</script><script>alert(1)</script><!--<script>';
    const rows = [reportRowAt(0, { key: `${hostile}.jpg`, classes: [{ label: hostile, probability: 1 }] })];
    const html = await page(rows);
    expect(html).not.toContain('alert(1)</script>');
    expect(html.match(/<\/script>/g)).toHaveLength(5);
    expect(embeddedJson(html, 'rows')).toEqual(rows);
  });

  test('its policy allows only its own scripts and style, and it names no address', async () => {
    const html = await page([reportRowAt(0)]);
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1];
    const hash = (text = '') => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => hash(script));
    expect(scripts).toHaveLength(2);
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1];
    expect(policy).toBe(
      `default-src 'none'; script-src ${scripts.join(' ')}; style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    expect(html).not.toMatch(/https?:|\/\/[a-z]+\.|style="|\son[a-z]+=/);
  });

  test('rows beyond the limit are counted but not listed', async () => {
    const html = await page(
      Array.from({ length: 9 }, (_, i) => reportRowAt(i)),
      4,
    );
    expect(embeddedJson(html, 'rows')).toHaveLength(4);
    expect(embeddedJson(html, 'totals')).toMatchObject({ pictures: 9, failed: 1 });
  });

  test('without rows the report is empty', async () => {
    const html = await page([]);
    expect(embeddedJson(html, 'rows')).toEqual([]);
    expect(embeddedJson(html, 'totals')).toMatchObject({ pictures: 0, nats: null, labels: [] });
  });
});
