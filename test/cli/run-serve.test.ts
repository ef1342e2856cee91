import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finished, igpt, startIgpt, temporaryFolder } from './igpt-process.ts';
import { writePicture, writePictures } from './picture-folder.ts';
import { resultsOf, summaryOf } from './run-output.ts';
import { servedAt } from './served-at.ts';

test('--serve sends a page earlier and new outcomes, and accepts pictures until it is stopped', async () => {
  using folder = temporaryFolder();
  const pictures = join(folder.path, 'pictures');
  await writePictures(pictures, 2);
  const args = ['run', 'pictures', '--out', 'out', '--workers', '1'];
  expect((await igpt([...args, '--no-report'], { cwd: folder.path })).code).toBe(0);
  await writePicture(join(pictures, 'new.png'), 50);

  const child = startIgpt([...args, '--serve', '0', '--no-report'], { cwd: folder.path });
  const served = servedAt(child);
  const end = finished(child);
  const url = await served;
  const page = await (await fetch(url)).text();
  expect(page).toContain("connect-src 'self'");
  expect(page).toContain('"folder":"pictures/dropped"');
  const stop = new AbortController();
  const events = await fetch(`${url}events`, { signal: stop.signal });
  const sent = await fetch(`${url}pictures?name=..%2Fmine.png`, {
    method: 'POST',
    headers: { origin: url.slice(0, -1) },
    body: readFileSync(join(pictures, '000.png')),
  });
  expect(await sent.json()).toEqual({ key: 'dropped/mine.png' });
  const wanted = ['000.png', '001.png', 'new.png', 'dropped/mine.png'];
  let heard = '';
  for await (const piece of events.body ?? []) {
    heard += new TextDecoder().decode(piece);
    if (wanted.every((key) => heard.includes(`"key":"${key}"`)) && heard.includes('"pictures":4')) break;
  }
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await end;
  expect(code, stderr).toBe(143);
  expect(
    resultsOf(stdout)
      .map(({ key }) => key)
      .toSorted(),
  ).toEqual(['dropped/mine.png', 'new.png']);
  expect(summaryOf(stdout)).toMatchObject({ seen: 4, succeeded: 2, skipped: 2 });
  expect(readFileSync(join(pictures, 'dropped', 'mine.png'))).toEqual(readFileSync(join(pictures, '000.png')));
  expect(existsSync(join(folder.path, 'out', 'report.html'))).toBe(false);
});

test('--serve reports a port in use before it reads any picture', async () => {
  using folder = temporaryFolder();
  await writePictures(join(folder.path, 'pictures'), 1);
  const run = (...args: string[]) => igpt(['run', ...args, '--out', 'out'], { cwd: folder.path });
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const taken = await run('pictures', '--serve', String(port));
  other.close();
  expect(taken.code).toBe(2);
  expect(taken.stdout).toBe('');
  expect(taken.stderr).toContain(
    `igpt: --serve: expected port ${port} to be free, but another program uses it; choose another port, or 0 for any\n`,
  );
  const misread = await run('--serve', 'pictures');
  expect(misread.code).toBe(2);
  expect(misread.stderr).toContain('expected a whole number from 0 to 65535');
});
