import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { igpt } from '../cli/igpt-process.ts';
import { chromiumPath, launchChromium } from './chromium.ts';

// `npm run report:picture`: runs the sample pictures and saves a screenshot of their report as docs/report.png.
const executable = chromiumPath();
if (executable === undefined) {
  throw new Error('Expected Chromium on the PATH, found none. Install it: apt-get install chromium.');
}
const folder = mkdtempSync(join(tmpdir(), 'igpt-report-'));
try {
  cpSync(join(repositoryRoot, 'test/fixtures/pictures'), join(folder, 'pictures'), { recursive: true });
  const { code, stderr } = await igpt(['run', 'pictures'], { cwd: folder });
  if (code !== 0) throw new Error(`Expected igpt run to end with 0, received ${code}: ${stderr}`);
  const browser = await launchChromium(executable);
  const page = await browser.newPage({ viewport: { width: 1200, height: 1240 } });
  await page.goto(pathToFileURL(join(folder, 'igpt-out/report.html')).href);
  await page.screenshot({ path: join(repositoryRoot, 'docs/report.png') });
  await browser.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
