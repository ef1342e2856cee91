import { execFile } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { modelsFolder } from '../../lib/local/repository.ts';
import { identifyModel } from '../../lib/runtime/identify-model.ts';
import { bundleInfer } from '../support/infer-bundle.ts';
import { startModelServer } from '../support/model-server.ts';

const run = promisify(execFile);
const nano = join(modelsFolder, 'igpt-nano');

/** Names that nothing answers to: a proof calls nothing. */
const environment = {
  INPUT_BUCKET: 'pictures',
  OUTPUT_BUCKET: 'outcomes',
  UPLOADS_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/uploads',
  TOKENS_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/tokens',
  RESULTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:results',
  WORKERS: '1',
  AWS_REGION: 'us-east-1',
  ORT_DISABLE_TELEMETRY: '1',
};

describe('the bundle of the inference function', () => {
  let outdir: string;
  let bundle: ReturnType<typeof bundleInfer>;
  beforeAll(() => {
    outdir = mkdtempSync(join(tmpdir(), 'infer-bundle-'));
    bundle = bundleInfer(outdir, {
      directory: nano,
      prefix: 'models/0123456789ab/igpt-nano',
      location: 's3://unused/model',
    });
  });
  afterAll(() => rmSync(outdir, { recursive: true, force: true }));

  function files(folder = bundle.folder): string[] {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => lstatSync(join(folder, name)).isFile())
      .toSorted();
  }

  test('is under 80 MB with igpt-nano', () => {
    const bytes = files().reduce((sum, name) => sum + lstatSync(join(bundle.folder, name)).size, 0);
    process.stdout.write(`${(bytes / 1e6).toFixed(1)} MB\n`);

    expect(bytes).toBeLessThan(80e6);
  });

  test('holds handler, thread and model, and of onnxruntime the library for Lambda’s system', () => {
    const { modelLocation } = bundle;
    const [common, other] = [files().filter((name) => name.includes('onnxruntime-common')), files()];

    expect(modelLocation).toBe('./model/igpt-nano');
    expect(common).toContain('node_modules/onnxruntime-common/dist/cjs/index.js');
    expect(other.filter((name) => !common.includes(name))).toEqual([
      'index.mjs',
      'model-thread.mjs',
      'model/igpt-nano/config.json',
      'model/igpt-nano/model.safetensors',
      'model/igpt-nano/preprocessor_config.json',
      'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1',
      'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node',
      'node_modules/onnxruntime-node/dist/backend.js',
      'node_modules/onnxruntime-node/dist/binding.js',
      'node_modules/onnxruntime-node/dist/index.js',
      'node_modules/onnxruntime-node/dist/version.js',
      'node_modules/onnxruntime-node/package.json',
    ]);
  });

  describe.runIf(process.platform === 'linux' && process.arch === 'x64')('in a process of its own', () => {
    /** Answers of the handler to these events in turn, and the lines that it printed. */
    async function call(changes: Record<string, string>, ...events: unknown[]) {
      const driver = join(outdir, 'driver.mjs');
      writeFileSync(
        driver,
        `const { handler } = await import(${JSON.stringify(pathToFileURL(join(bundle.folder, 'index.mjs')).href)});
        for (const event of ${JSON.stringify(events)}) {
          const answer = await handler(event, { getRemainingTimeInMillis: () => 60_000 })
            .catch(({ code, message }) => ({ code, message }));
          process.stdout.write('ANSWER ' + JSON.stringify(answer) + '\\n');
        }
        process.exit(0);`,
      );
      const { PATH: path = '' } = process.env;
      const { stdout, stderr } = await run(process.execPath, [driver], {
        // Not the bundle's folder: a relative MODEL_LOCATION starts at the bundle.
        cwd: outdir,
        env: { PATH: path, ...environment, MODEL_LOCATION: bundle.modelLocation, TMPDIR: outdir, ...changes },
      });
      const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line !== '');
      const answers = lines.filter((line) => line.startsWith('ANSWER ')).map((line) => JSON.parse(line.slice(7)));
      return { answers, critical: lines.filter((line) => line.includes('"CRITICAL"')).map((line) => JSON.parse(line)) };
    }

    test('proves its model', async () => {
      const { id } = await identifyModel(await openCheckpoint(nano), { precision: 'f32', scaledDecoding: false });

      expect(await call({ MODEL_ID: id }, { prove: true })).toEqual({
        answers: [{ proved: true, model: id }],
        critical: [],
      });
    });

    test('fetches a model on S3 in the first invocation, into /tmp', async () => {
      const names = ['config.json', 'model.safetensors', 'preprocessor_config.json'];
      const contents = names.map((name) => [name, readFileSync(join(nano, name))] as const);
      await using server = await startModelServer('igpt-nano', new Map(contents));
      const { id } = await identifyModel(await openCheckpoint(nano), { precision: 'f32', scaledDecoding: false });
      const temporary = join(outdir, 'tmp');
      mkdirSync(temporary);
      const place = {
        MODEL_LOCATION: server.location,
        AWS_ENDPOINT_URL_S3: server.endpoint,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        TMPDIR: temporary,
      };

      expect(await call({ MODEL_ID: id, ...place })).toEqual({ answers: [], critical: [] });
      expect(server.requests).toEqual([]);
      const { answers } = await call({ MODEL_ID: id, ...place }, { prove: true });
      expect(answers).toEqual([{ proved: true, model: id }]);
      expect(readdirSync(temporary)).toEqual([expect.stringMatching(/^checkpoint-/)]);
    });

    test.each([
      ['a missing variable', { TOKENS_QUEUE_URL: '' }, 'invalid_environment', 'TOKENS_QUEUE_URL is missing'],
      ['threads that nobody counted', { WORKERS: '' }, 'invalid_environment', 'WORKERS is missing'],
      ['a GPU', { PROVIDER: 'cuda' }, 'invalid_environment', 'PROVIDER'],
      ['another model', { MODEL_ID: 'igpt-nano-000000000000' }, 'model_mismatch', 'igpt-nano-000000000000'],
      ['a folder without a model', { MODEL_LOCATION: './model' }, 'config_missing', 'config.json'],
    ])('fails each invocation with one line for %s', async (_, changes, code, text) => {
      const { answers, critical } = await call(
        { MODEL_ID: 'igpt-nano-0123456789ab', ...changes },
        { Records: [] },
        { prove: true },
      );

      expect(answers).toMatchObject([{ code, message: expect.stringContaining(text) }, { code }]);
      // One for each invocation, and one for the start of the process unless the first invocation waited for it.
      expect([2, 3]).toContain(critical.length);
      expect(new Set(critical.map((line) => line.code))).toEqual(new Set([code]));
    });
  });
});
