import axeCore from 'axe-core';
import type { Page } from 'playwright-core';

/** Violations that axe finds: its default rules, and the target size of WCAG 2.2 AA. */
export async function axe(page: Page): Promise<string[]> {
  // Evaluated through the debugger, because the page's policy blocks other scripts.
  await page.evaluate(axeCore.source);
  const found: unknown = await page.evaluate(
    `axe.run({ rules: { 'target-size': { enabled: true } } }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')))`,
  );
  return Array.isArray(found) ? found.map(String) : ['no answer'];
}
