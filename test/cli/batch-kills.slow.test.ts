import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { finished, igpt, startIgpt, temporaryFolder } from './igpt-process.ts';
import { writeBadFiles, writePictures } from './picture-folder.ts';

/** Moments at which a run is killed; `KILLS=200` for more. */
const { KILLS = '12' } = process.env;

/** A run of these pictures takes one to two seconds here, most of it before the first shard. */
const LATEST_KILL_MS = 2000;

/** Bytes of every file that does not tell the time. */
function outputOf(out: string): Record<string, string> {
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' });
  const told = names.filter((name) => /\.(parquet|json|jsonl)$|_SUCCESS$/.test(name) && name !== '_summary.json');
  return Object.fromEntries(told.toSorted().map((name) => [name, readFileSync(join(out, name)).toString('base64')]));
}

test(`killed at ${KILLS} seeded moments, by turns with a second runner beside it, a job ends with the same bytes`, async () => {
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
    const beside = kill % 2 === 1 ? startIgpt(args(out)) : undefined;
    const ends = [killed, ...(beside === undefined ? [] : [beside])].map(finished);
    await setTimeout(Math.floor(random() * LATEST_KILL_MS));
    killed.kill('SIGKILL');
    await Promise.all(ends);
    const again = await igpt(args(out));
    expect(again.code, again.stderr).toBe(0);
    expect(outputOf(join(folder.path, out)), `kill ${kill}`).toEqual(whole);
  }
});
