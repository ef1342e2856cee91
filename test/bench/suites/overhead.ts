import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type BenchContext, nanoDirectory } from '../context.ts';
import { median } from '../interleave.ts';
import { overheadMessage, overheadModel, overheadPicture } from '../overhead-model.ts';
import type { Row } from '../report.ts';
import { startStubAws } from '../stub-aws.ts';

/** CPU time of the pipeline itself per picture: the deployed processes with a stub of AWS. */
export async function overhead({ rounds }: BenchContext): Promise<Row[]> {
  const { id } = overheadModel;
  const message = overheadMessage();
  await using aws = await startStubAws({ message, picture: overheadPicture });
  const environment = {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    INPUT_BUCKET: 'pictures',
    OUTPUT_BUCKET: 'outcomes',
    MODEL_ID: id,
    MODEL_LOCATION: nanoDirectory,
    DECODERS: '2',
    UPLOADS_QUEUE_URL: `${aws.endpoint}/123456789012/uploads`,
    TOKENS_QUEUE_URL: `${aws.endpoint}/123456789012/tokens`,
    RESULTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:results',
    ECS_CLUSTER: 'igpt',
    ECS_SERVICE: 'worker',
  };
  const costs = { worker: [], flow: [], preprocess: [], decoding: [], floor: [] } as Record<string, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const [what, figures] of Object.entries(costs)) figures.push(await cpuMs(what, environment));
  }
  const cost = (what: string): number => median(costs[what] ?? []);
  const target = { value: 1, direction: 'at most' } as const;
  const row = { suite: 'overhead', unit: 'ms' } as const;
  return [
    { ...row, name: 'worker: CPU per picture, without the model', ours: cost('worker'), target },
    { ...row, name: 'the flow alone, without the SDK', ours: cost('flow') },
    {
      ...row,
      name: 'function: CPU per picture, without decoding and palette',
      target,
      ours: cost('preprocess') - cost('decoding'),
      note: `${cost('preprocess').toFixed(2)} ms with them`,
    },
    {
      ...row,
      name: 'one PUT and one HEAD of the bare SDK',
      ours: cost('floor'),
      note: Object.entries(aws.requests)
        .map(([what, times]) => `${what} ${times}`)
        .join(', '),
    },
  ];
}

/** Starts the process and resolves with the CPU milliseconds per picture that it measured. */
async function cpuMs(what: string, env: Record<string, string>): Promise<number> {
  const { PATH: path = '' } = process.env;
  const child = fork(new URL('../overhead-process.ts', import.meta.url), [what], {
    env: { PATH: path, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [measured] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])]);
  if (typeof measured !== 'number')
    throw new Error(`Expected a figure from the process ${what}, but it ended without one.`);
  return measured;
}
