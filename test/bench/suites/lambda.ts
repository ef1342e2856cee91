import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { preprocessingHash } from '../../../lib/checkpoint/preprocessing-hash.ts';
import { requirePreprocessing } from '../../../lib/checkpoint/preprocessor-file.ts';
import { messageText } from '../../../lib/contracts/message-text.ts';
import { packTokens } from '../../../lib/image-gpt/token-packing.ts';
import { identifyModel } from '../../../lib/runtime/identify-model.ts';
import { bundleInfer } from '../../support/infer-bundle.ts';
import { startModelServer } from '../../support/model-server.ts';
import { type BenchContext, benchThreads, nanoDirectory } from '../context.ts';
import { median } from '../interleave.ts';
import type { Row } from '../report.ts';
import { igptS, scratchCheckpoint } from '../scratch-checkpoint.ts';
import { startStubAws, stubEtag } from '../stub-aws.ts';

/** Cold start of the inference function: from the start of the process to the answer for one picture. */
export async function lambda({ rounds, scratch, say }: BenchContext): Promise<Row[]> {
  const small = await scratchCheckpoint(join(scratch, 'igpt-s'), igptS);
  const row = { suite: 'lambda', unit: 's' } as const;
  const about = [
    {
      directory: nanoDirectory,
      bundled: true,
      name: 'igpt-nano in the bundle: process start to first outcome',
      target: 1.5,
    },
    {
      directory: small,
      bundled: false,
      name: 'iGPT-S from a local range server: process start to first outcome',
      target: 6,
    },
  ];
  const rows: Row[] = [];
  for (const { directory, bundled, name, target } of about) {
    say(name);
    const starts = await coldStarts(directory, bundled, rounds);
    const seconds = starts.map((start) => start.seconds);
    const goal = { value: target, direction: 'at most' } as const;
    const note = `${median(starts.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2)} s of processor time`;
    rows.push({ ...row, name, ours: median(seconds), target: goal, note, seconds: { ours: seconds } });
  }
  return rows;
}

interface ColdStart {
  seconds: number;
  /** Processor time of the function's process, user and system. */
  cpuSeconds: number;
}

/** The cold starts. The first one, which warms the system's file cache, does not count. */
async function coldStarts(directory: string, bundled: boolean, rounds: number): Promise<ColdStart[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-lambda-'));
  const checkpoint = await openCheckpoint(directory);
  const { id } = await identifyModel(checkpoint, { precision: 'f32', scaledDecoding: false });
  const files = (await readdir(directory)).filter((name) => /\.(json|safetensors)$/.test(name));
  const contents = files.map(async (name) => [name, await readFile(join(directory, name))] as const);
  await using s3 = await startModelServer(checkpoint.name, new Map(bundled ? [] : await Promise.all(contents)));
  await using aws = await startStubAws({ message: '', picture: new Uint8Array() });
  const bundle = bundleInfer(join(folder, 'out'), {
    directory: bundled ? directory : undefined,
    prefix: `models/0/${checkpoint.name}`,
    location: s3.location,
  });
  const environment = {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    INPUT_BUCKET: 'pictures',
    OUTPUT_BUCKET: 'outcomes',
    UPLOADS_QUEUE_URL: `${aws.endpoint}/123456789012/uploads`,
    TOKENS_QUEUE_URL: `${aws.endpoint}/123456789012/tokens`,
    RESULTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:results',
    MODEL_LOCATION: bundle.modelLocation,
    MODEL_ID: id,
    WORKERS: String(benchThreads),
    ORT_DISABLE_TELEMETRY: '1',
  };
  const event = deliveryOf(checkpoint);
  try {
    const starts: ColdStart[] = [];
    for (let round = -1; round < rounds; round++) {
      const temporary = await mkdtemp(join(folder, 'tmp-'));
      const started = await coldStart(bundle.folder, { ...environment, TMPDIR: temporary }, event);
      if (round >= 0) starts.push(started);
      await rm(temporary, { recursive: true });
    }
    return starts;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Starts the bundle and resolves when it has answered the event. */
async function coldStart(bundle: string, environment: Record<string, string>, event: unknown): Promise<ColdStart> {
  const begun = performance.now();
  const { PATH: path = '' } = process.env;
  const child = fork(new URL('../../support/bundle-runtime.js', import.meta.url), {
    cwd: bundle,
    env: { PATH: path, ...environment },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  child.send({ event, timeoutMs: 60_000 });
  const [message] = await Promise.race([once(child, 'message'), exited.then(() => [])]);
  const seconds = (performance.now() - begun) / 1000;
  child.kill('SIGKILL');
  await exited;
  if (message?.response?.batchItemFailures.length !== 0) {
    throw new Error(`Expected an outcome of the function, received ${JSON.stringify(message)}.`);
  }
  return { seconds, cpuSeconds: (message.cpu.user + message.cpu.system) / 1e6 };
}

/** Lambda's event with one picture. */
function deliveryOf(checkpoint: Awaited<ReturnType<typeof openCheckpoint>>): unknown {
  const preprocessing = requirePreprocessing(checkpoint.directory, checkpoint.preprocessing);
  const { n_positions: n, n_colors: colors } = checkpoint.config;
  const tokens = packTokens(
    Uint16Array.from({ length: n }, (_, i) => (i * 7919) % colors),
    colors,
  );
  const image = { format: 'jpeg', width: 640, height: 427, bytes: 50_625 };
  const body = messageText({
    schema_version: 1,
    preprocessing: preprocessingHash(preprocessing, false),
    pictures: [{ key: 'a.jpg', etag: stubEtag, image, tokens: Buffer.from(tokens).toString('base64') }],
  });
  const attributes = { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) };
  const eventSourceARN = 'arn:aws:sqs:us-east-1:123456789012:tokens';
  return { Records: [{ messageId: 'id', receiptHandle: 'receipt', eventSourceARN, body, attributes }] };
}
