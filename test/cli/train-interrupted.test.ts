import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRandom } from '../../lib/image-gpt/random.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { finished, igpt, startIgpt, temporaryFolder } from './igpt-process.ts';
import { metricsOf, metricsReach, trainedState, writeTokens } from './training-run.ts';

const STEPS = 90;

const recipe = `--data x.npy --steps ${STEPS} --batch 8 --warmup 5 --schedule cosine --clip 1 --lr 1e-2 --validation-share 0.2 --save-every 7 --eval-every 10 --seed 3`;

async function startWorld(objective: 'ar' | 'bert' | 'joint') {
  const folder = temporaryFolder();
  const model = await tinyCheckpoint({ ...(objective === 'bert' && { objective }) });
  writeTokens(folder.path);
  const args = (out: string) => [
    ...['train', '--objective', objective, '--model', model.directory, '--out', out, ...recipe.split(' ')],
    ...(objective === 'joint' ? ['--labels', 'y.npy', '--threads', '2'] : ['--threads', '1']),
  ];
  return {
    path: folder.path,
    run: (out: string, ...more: string[]) => igpt([...args(out), ...more], { cwd: folder.path }),
    start: (out: string) => startIgpt(args(out), { cwd: folder.path }),
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]();
      await model[Symbol.asyncDispose]();
    },
  };
}

test.each([
  { objective: 'ar', signal: 'SIGKILL' },
  { objective: 'bert', signal: 'SIGKILL' },
  { objective: 'joint', signal: 'SIGTERM' },
] as const)(
  'a run of $objective that $signal ends again and again comes out as one that nothing ended, bit for bit',
  async ({ objective, signal }) => {
    await using world = await startWorld(objective);
    const whole = await world.run('whole');
    expect(whole.code, whole.stderr).toBe(0);
    const expected = trainedState(join(world.path, 'whole'), STEPS);

    const out = join(world.path, 'killed');
    const random = createRandom(17, signal.length);
    for (let kill = 0; kill < 3; kill++) {
      const child = world.start('killed');
      const end = finished(child);
      const moment = metricsOf(out).length + Math.floor(25 * random());
      await metricsReach(out, moment + 1, end);
      child.kill(signal);
      const { code, stderr } = await end;
      // On a busy machine, the signal may arrive after the last step.
      if (signal === 'SIGTERM' && metricsOf(out).length < STEPS) {
        expect(code, stderr).toBe(143);
        expect(stderr).toMatch(/Stopped after step \d+, which is saved\. To resume: .* train --objective joint /);
      }
    }
    const last = await world.run('killed', '--resume');
    expect(last.code, last.stderr).toBe(0);
    expect(trainedState(out, STEPS)).toEqual(expected);
    expect(readdirSync(out).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'preprocessor_config.json',
      'training',
    ]);
    expect(readdirSync(join(out, 'training')).sort()).toEqual([
      ...['metrics.ndjson', 'metrics.svg', 'report.html', 'settings.json', 'step-00000084', `step-000000${STEPS}`],
    ]);
  },
);

test('goes on from the checkpoint before one that is cut short, and ends the same', async () => {
  await using world = await startWorld('ar');
  await world.run('out');
  const out = join(world.path, 'out');
  const expected = trainedState(out, STEPS);
  const weights = join(out, 'training', `step-000000${STEPS}`, 'model.safetensors');
  truncateSync(weights, statSync(weights).size - 1);

  const again = await world.run('out');
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toContain(`the checkpoint of step ${STEPS} is damaged; using an earlier one`);
  expect(again.stderr).toContain(`resuming after step 84 of ${STEPS}`);
  expect(trainedState(out, STEPS)).toEqual(expected);
});

test('refuses a run with other settings and a directory that is no run, and says how to go on', async () => {
  await using world = await startWorld('ar');
  const first = await world.run('out');
  expect(first.code, first.stderr).toBe(0);
  expect(first.stdout).toMatch(/^trained\s+out\nsteps\s+90\nlast loss, nats\s+\d/);

  const other = await world.run('out', '--batch', '16');
  expect(other.code).toBe(1);
  expect(other.stderr).toContain('out holds a training with other settings (--batch was 8, now 16)');
  // A run that a leap ended can go on with a larger one.
  const complete = await world.run('out', '--leap', '50');
  expect(complete.stderr).toContain('this training is complete; add --force to start again');
  expect(complete.code).toBe(0);
  const anew = await world.run('out', '--batch', '16', '--force');
  expect(anew.code, anew.stderr).toBe(0);

  // It would be gone before it is read.
  const itself = await world.run('out', '--model', 'out/training/step-00000090', '--force');
  expect(itself.stderr).toContain('--model out/training/step-00000090 lies in --out out');
  expect(itself.code).toBe(2);
  expect(existsSync(join(world.path, 'out', 'model.safetensors'))).toBe(true);

  writeFileSync(join(world.path, 'mine'), '');
  const foreign = await world.run('.');
  expect(foreign.stderr).toMatch(/\. holds \S+, which igpt train did not write; expected a new directory/);
  expect(foreign.code).toBe(1);
  const nothing = await world.run('new', '--resume');
  expect(nothing.stderr).toContain('new holds no training to resume');
  expect(existsSync(join(world.path, 'new'))).toBe(false);
});
