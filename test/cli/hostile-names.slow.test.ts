import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { printable } from '../../lib/cli/terminal/text.ts';
import { verbs } from '../../lib/cli/verb-list.ts';
import { modelsFolder } from '../../lib/local/repository.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePicture } from './picture-folder.ts';

/** Part of a name: colours and erases (C1 and C0), DEL, reading direction, line ends, a device control string. */
const hostile = '\u009b31m\u001b[2J\u007f\u202e\u200f\u061c\u2028\n\u0090x';

/** What may not reach a terminal. Line ends are our own. */
const obeyed = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, `${name}${hostile}`);
const [data, model, picture, bad] = [
  at('data'),
  at('model'),
  join(at('data'), `a${hostile}`, `0${hostile}.png`),
  at('bad'),
];
const env = {
  // Nobody listens there.
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_MAX_ATTEMPTS: '1',
  HF_ENDPOINT: 'http://127.0.0.1:9',
  XDG_CACHE_HOME: at('cache'),
};

beforeAll(async () => {
  for (const label of ['a', 'b']) {
    for (let i = 0; i < 8; i++) await writePicture(join(data, `${label}${hostile}`, `${i}${hostile}.png`), i);
  }
  writeFileSync(join(data, `a${hostile}`, `bad${hostile}.png`), 'no picture');
  writeFileSync(bad, 'no picture');
  cpSync(join(modelsFolder, 'igpt-nano'), model, { recursive: true });
  const path = join(model, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  const labels = Object.values(config.id2label).map((label) => `${label}${hostile}`);
  rmSync(path);
  writeFileSync(
    path,
    JSON.stringify({ ...config, id2label: { ...labels }, label2id: Object.fromEntries(labels.map((l, i) => [l, i])) }),
  );
  mkdirSync(at('empty'));
});
afterAll(() => folder[Symbol.dispose]());

const training = ['train', '--objective', 'joint', '--new-head', '--batch', '4', '--model', model, '--data', data];

/** Command lines of every verb, and whether what they print on standard output is JSON. In order: later ones use files of earlier ones. */
const commands: [args: string[], json?: 'json'][] = [
  [['run', data, '--model', model, '--out', at('out')], 'json'],
  [['run', at('nothing'), '--out', at('out')]],
  [['run', data, '--out', at('out'), `--nothing${hostile}`]],
  [['run', data, '--out', at('out'), '--workers', hostile]],
  [['classify', picture, bad, at('nothing'), '--model', model]],
  [['classify', picture, bad, '--model', model, '--json'], 'json'],
  [['quantize', picture, bad, '--model', model]],
  [['quantize', picture, bad, '--model', model, '--json'], 'json'],
  [['quantize', picture, '--model', model, '--out', `${at('tokens')}.npy`, '--preview', `${at('preview')}.png`]],
  [['forward', '--model', model, '--tokens', `${at('tokens')}.npy`, '--output', 'classes', '--out', `${at('y')}.npy`]],
  [
    [
      'forward',
      '--model',
      model,
      '--tokens',
      at('nothing'),
      '--output',
      'classes',
      '--out',
      `${at('y')}.npy`,
      '--force',
    ],
  ],
  [['complete', picture, '--model', model, '--keep', '0.95', '--samples', '1', '--out', `${at('completed')}.html`]],
  [['complete', bad, '--model', model, '--out', `${at('completed')}.png`]],
  [['inspect', model]],
  [['inspect', model, '--json'], 'json'],
  [['inspect', at('nothing'), '--debug']],
  [['inspect', at('empty'), '--debug']],
  [['batch', 'run', data, '--model', model, '--out', at('job')]],
  [['batch', 'run', data, '--model', model, '--out', at('job'), '--json'], 'json'],
  [['batch', 'verify', at('job')]],
  [['batch', 'verify', at('job'), '--json'], 'json'],
  [['batch', 'retry', at('job'), '--failed', '--model', model, '--json'], 'json'],
  [['similar', picture, '--in', at('job'), '--model', model, '--sheet', `${at('sheet')}.png`]],
  [['similar', picture, '--in', at('job'), '--model', model, '--json'], 'json'],
  [['similar', bad, '--in', at('job'), '--model', model]],
  [[...training, '--out', at('trained'), '--steps', '2']],
  [[...training, '--out', at('trained'), '--steps', '2', '--json'], 'json'],
  [[...training, '--out', at('trained'), '--steps', '3']],
  [['probe', '--data', data, '--model', model, '--out', `${at('probe')}.safetensors`]],
  [['probe', '--data', data, '--model', model, '--json'], 'json'],
  [['eval', '--data', data, '--model', at('trained')]],
  [['eval', '--data', data, '--model', at('trained'), '--json'], 'json'],
  [['eval', '--data', data, '--model', model]],
  [['palette', 'fit', data, '--out', `${at('palette')}.json`, '--colors', '8', '--size', '8']],
  [
    ['palette', 'fit', data, '--out', `${at('palette')}.json`, '--colors', '8', '--size', '8', '--force', '--json'],
    'json',
  ],
  [['import', model, '--out', at('imported')]],
  [['import', model, '--out', at('imported'), '--force', '--json'], 'json'],
  [['import', at('empty'), '--out', at('imported'), '--force']],
  [['import', `x${hostile}/y`, '--out', at('imported'), '--force']],
  [['init', '--variant', 'S', '--resolution', '32', '--palette', at('nothing'), '--out', at('initial')]],
  [['quantize-weights', model, '--pictures', data, '--precision', 'f16']],
  [['quantize-weights', model, '--pictures', data, '--precision', 'f16', '--json'], 'json'],
  [['export', model, '--onnx', at('x.onnx')]],
  [['verify', model]],
  [['verify', model, '--json'], 'json'],
  [['doctor', '--stack', hostile]],
  [['doctor', '--model', model, '-c', `${hostile}=${hostile}`]],
  [['doctor', '--model', model, '--json']],
  [['smoke', '--picture', picture]],
  [['status', '--region', hostile]],
  [['tail', '--label', hostile]],
  [['tail', '--model', hostile]],
  [['redrive', '--stack', hostile]],
  [['backfill', hostile]],
  [['batch', 'submit', `s3://x/${hostile}`, '--out', `s3://x/${hostile}`]],
  [['cost', '--images', '10', '--model', model]],
  [['cost', '--images', '10', '--model', model, '--json'], 'json'],
  [['cost', '--images', hostile]],
  [[`nothing${hostile}`]],
];

test('the commands above use every verb', () => {
  const used = new Set(commands.map(([[verb]]) => verb));
  expect(verbs.map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
});

const rows = commands.map(([args, json]) => ({
  line: printable(args.join(' ').replaceAll(folder.path, '')),
  args,
  json,
}));

test.each(rows)('prints nothing that a terminal obeys: igpt $line', async ({ args, json }) => {
  const { code, stdout, stderr } = await igpt(args, { env });

  expect(obeyed.exec(stdout)).toBeNull();
  expect(obeyed.exec(stderr)).toBeNull();
  expect(`${stdout}${stderr}`).not.toBe('');
  expect(stderr).not.toContain('unexpected');
  expect(code).not.toBeNull();
  if (json === 'json') {
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => 'object'));
  }
});
