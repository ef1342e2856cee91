import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { repositoryRoot } from '../../../lib/local/repository.ts';
import { identifyModel } from '../../../lib/runtime/identify-model.ts';
import { igptCommand, temporaryFolder } from '../../cli/igpt-process.ts';
import { writeTokens } from '../../cli/training-run.ts';
import { bundleInfer } from '../../support/infer-bundle.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';
import { type Observation, observe, observingMissing } from './observed-process.ts';

// With telemetry on, onnxruntime 1.30 writes files as soon as a session opens, and resolves its collector's name 25 s
// later (9 s if an earlier process left events). The files are enough for a test, so none waits.

const missing = observingMissing();
const NANO = join(repositoryRoot, 'lib/models/igpt-nano');

/** Node's arguments for a module given as text. */
const module = (code: string): string[] => ['--input-type=module', '--eval', code];
/** Specifier of a file of the project, quoted. */
const url = (path: string): string => JSON.stringify(pathToFileURL(join(repositoryRoot, path)).href);
/** Code that makes `graph`, y = |x|. */
const graph = `
  const { addInput, addNode, addOutput, createGraph } = await import(${url('lib/graph/graph.ts')});
  const { writeOnnx } = await import(${url('lib/graph/onnx-writer.ts')});
  const graph = createGraph('abs');
  addOutput(graph, 'y', addNode(graph, 'Abs', [addInput(graph, 'x', 'float32', [1])]), 'float32', [1]);`;

/** What was written elsewhere than in its working directory and our caches. */
function strange({ written }: Observation, folder: string): string[] {
  const ours = ['work', 'home/.cache/image-gpt-serverless'].map((name) => join(folder, name));
  ours.push(join(repositoryRoot, 'node_modules/.cache/igpt'));
  return written.filter((path) => !ours.some((own) => path === own || path.startsWith(`${own}/`)));
}

function expectSilence(seen: Observation, folder: string): void {
  expect(seen.code, seen.printed).toBe(0);
  expect(strange(seen, folder)).toEqual([]);
  expect(seen.reached).toEqual([]);
}

describe.skipIf(missing !== undefined)(`onnxruntime’s telemetry${missing === undefined ? '' : ` (${missing})`}`, () => {
  test('is detected when nothing turns it off', async () => {
    using folder = temporaryFolder();
    const open = `${graph}
      const { InferenceSession } = await import(${url('node_modules/onnxruntime-node/dist/index.js')});
      await InferenceSession.create(writeOnnx(graph));`;
    const seen = await observe(folder.path, module(open)).ended;
    expect(seen.code, seen.printed).toBe(0);
    expect(strange(seen, folder.path)).toContain(
      join(folder.path, 'home/.cache/Microsoft/DeveloperTools/.onnxruntime/onnxruntime.db'),
    );
  });

  test('a name look-up and a connection are detected too', async () => {
    using folder = temporaryFolder();
    const ask = `
      import { lookup } from 'node:dns';
      import { connect } from 'node:net';
      lookup('collector.example', () => {});
      connect(443, '192.0.2.1').on('error', () => {});`;
    const { reached } = await observe(folder.path, module(ask)).ended;
    expect(reached).toContain('192.0.2.1:443');
    expect(reached.some((address) => address.endsWith(':53') || address.startsWith('/'))).toBe(true);
  });

  test('is off in a program that imports lib/runtime', async () => {
    using folder = temporaryFolder();
    expectSilence(await observe(folder.path, module(`import ${url('lib/runtime/model.ts')};`)).ended, folder.path);
    const open = `${graph}
      const { openSession } = await import(${url('lib/runtime/session.ts')});
      await openSession(writeOnnx(graph));`;
    expectSilence(await observe(folder.path, module(open)).ended, folder.path);
  });

  test('is off in igpt run', async () => {
    using folder = temporaryFolder();
    const pictures = join(repositoryRoot, 'test/fixtures/pictures/animals');
    const run = await observe(folder.path, [igptCommand, 'run', pictures, '--model', NANO, '--out', 'out']).ended;
    expect(run.printed).toContain('"type":"result"');
    expectSilence(run, folder.path);
  });

  test('is off in igpt train', async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint();
    writeTokens(folder.path);
    const recipe = '--objective joint --tokens ../x.npy --labels ../y.npy --steps 2 --batch 4 --out out'.split(' ');
    const train = await observe(folder.path, [igptCommand, 'train', '--model', model.directory, ...recipe]).ended;
    expectSilence(train, folder.path);
    expect(train.written.some((path) => path.includes('/work/out/'))).toBe(true);
  });

  /** The environment of a deployed process with igpt-nano. No service answers. */
  async function deployed(): Promise<Record<string, string>> {
    const { id } = await identifyModel(await openCheckpoint(NANO), { precision: 'f32', scaledDecoding: false });
    return {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      INPUT_BUCKET: 'pictures',
      OUTPUT_BUCKET: 'outcomes',
      WORKERS: '1',
      UPLOADS_QUEUE_URL: 'http://127.0.0.1:9/1/uploads',
      TOKENS_QUEUE_URL: 'http://127.0.0.1:9/1/tokens',
      RESULTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:results',
      MODEL_LOCATION: NANO,
      MODEL_ID: id,
    };
  }

  test.runIf(process.arch === 'x64')('is off in the bundle of the inference function', async () => {
    using folder = temporaryFolder();
    const about = { directory: NANO, prefix: 'models/0/igpt-nano', location: 's3://a/b' };
    const bundle = bundleInfer(join(folder.path, 'out'), about);
    const driver = join(bundle.folder, 'driver.mjs');
    const prove =
      "import { handler } from './index.mjs'; console.log(await handler({ prove: true })); process.exit(0);";
    writeFileSync(driver, prove);
    const seen = await observe(folder.path, [driver], await deployed()).ended;
    expect(seen.printed).toContain('proved: true');
    expectSilence(seen, folder.path);
  });

  test('is off in a worker with an open model', async () => {
    using folder = temporaryFolder();
    // The worker retries until it is stopped.
    const environment = { ...(await deployed()), DRAIN_SECONDS: '20' };
    const worker = observe(folder.path, [join(repositoryRoot, 'functions/worker/main.ts')], environment);
    createInterface(worker.child.stdout).on('line', (line) => {
      if (line.includes('"ready"')) worker.child.kill('SIGTERM');
    });
    const seen = await worker.ended;
    expect(seen.printed).toContain('"ready"');
    expect(seen.code, seen.printed).toBe(0);
    expect(strange(seen, folder.path)).toEqual([]);
    expect(seen.reached.filter((address) => address !== '127.0.0.1:9')).toEqual([]);
  });
});
