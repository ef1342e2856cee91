import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { finished, igpt, startIgpt, temporaryFolder } from './igpt-process.ts';
import { writeBadFiles, writePictures } from './picture-folder.ts';

/** How many times a run is killed (default 12). */
const { KILLS = '12' } = process.env;

/** Latest kill (milliseconds). A run of these pictures takes one to two seconds, most of it before the first shard. */
const latestKillMs = 2000;

/** Content of every file that holds no times. */
function outputOf(out: string): Record<string, string> {
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' });
  const stable = names.filter((name) => /\.(parquet|json|jsonl)$|_SUCCESS$/.test(name) && name !== '_summary.json');
  return Object.fromEntries(stable.toSorted().map((name) => [name, readFileSync(join(out, name)).toString('base64')]));
}

test(`killed at ${KILLS} seeded moments, every second time while another run works on it, a job ends with the same bytes`, async () => {
  using folder = temporaryFolder();
  const pictures = join(folder.path, 'pictures');
  await writePictures(pictures, 80);
  writeBadFiles(pictures);
  const args = (out: string) => ['batch', 'run', pictures, '--out', join(folder.path, out), '--shard-size', '3'];
  expect(await igpt(args('whole'))).toMatchObject({ code: 0 });
  const whole = outputOf(join(folder.path, 'whole'));
  expect(Object.keys(whole).filter((name) => name.endsWith('.parquet'))).toHaveLength(28);

  const random = seededRandom(11);
  for (let kill = 0; kill < Number(KILLS); kill += 1) {
    const out = `killed-${kill}`;
    const killed = startIgpt(args(out));
    const second = kill % 2 === 1 ? startIgpt(args(out)) : undefined;
    const ends = [killed, ...(second === undefined ? [] : [second])].map((child) => finished(child));
    await setTimeout(Math.floor(random() * latestKillMs));
    killed.kill('SIGKILL');
    await Promise.all(ends);
    const again = await igpt(args(out));
    expect(again.code, again.stderr).toBe(0);
    expect(outputOf(join(folder.path, out)), `kill ${kill}`).toEqual(whole);
  }
});
