import axeCore from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe objects to, in words: its own choice of rules, and the size of targets that WCAG 2.2 AA asks for. */
export async function axe(page: Page): Promise<string[]> {
  // Evaluated by the debugger: the page's own policy lets no other script in.
  await page.evaluate(axeCore.source);
  const found: unknown = await page.evaluate(
    `axe.run({ rules: { 'target-size': { enabled: true } } }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')))`,
  );
  return Array.isArray(found) ? found.map(String) : ['no answer'];
}
