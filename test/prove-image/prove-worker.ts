import { createS3Store } from '../../lib/aws/s3-store.ts';
import { createSqsQueue } from '../../lib/aws/sqs-queue.ts';
import { maxReceiveCount } from '../../lib/contracts/delivery.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { readQueueCounts } from '../../lib/operate/queue-counts.ts';
import { proofPictures } from '../prove-aws/proof-pictures.ts';
import { type ProofFigures, prove } from '../prove-aws/prove.ts';
import { type Lambda, startLambda } from '../support/lambda.ts';
import type { Moto } from '../support/moto.ts';
import type { Clients, TemplateStack } from '../support/template-stack.ts';
import type { Launcher } from './launcher.ts';
import { startWorkerService, type TaskFigures } from './worker-service.ts';

export interface WorkerProof extends ProofFigures {
  /** Each task that has run, in order. */
  tasks: TaskFigures[];
}

const pictures = { count: 300, bad: 40 };

/**
 * Sends pictures through preprocess, as a process of this machine, and the worker, as containers. It is the proof of
 * prove:aws: a task is stopped in the middle, and every picture has its outcome and event.
 */
export async function proveWorker(
  launcher: Launcher,
  stack: TemplateStack,
  clients: Clients,
  moto: Moto,
  say: (line: string) => void,
): Promise<WorkerProof> {
  const { s3, sqs } = clients;
  const counts = (names: readonly string[]) =>
    Promise.all(names.map((name) => readQueueCounts(sqs, stack.output(name))));
  const left = async (names: readonly string[]): Promise<number> =>
    (await counts(names)).reduce((sum, { waiting, inFlight }) => sum + waiting + inFlight, 0);
  const preprocess = startPreprocess(stack, clients, moto);
  try {
    await using service = startWorkerService(launcher, stack, clients, () =>
      left(['UploadsQueueUrl', 'TokensQueueUrl']),
    );
    const bucket = (name: string) => createS3Store({ client: s3, bucket: stack.output(name), clock });
    /** Stops a task in the middle: it has received messages, and has not finished them. */
    const stopBusyTask = async (): Promise<string | undefined> => {
      for (let tries = 0; tries < 40; tries++) {
        const [tokens] = await counts(['TokensQueueUrl']);
        if (tokens !== undefined && tokens.inFlight > 0) return service.kill();
        await clock.sleep(50);
      }
      return undefined;
    };
    const world = {
      clock,
      say,
      model: stack.output('ModelId'),
      input: bucket('InputBucket'),
      output: bucket('OutputBucket'),
      events: createSqsQueue({ client: sqs, url: stack.output('ResultEventsQueueUrl'), maxReceiveCount }),
      running: service.running,
      kill: stopBusyTask,
      deadLetters: () => left(['UploadsDeadLettersUrl', 'TokensDeadLettersUrl', 'ResultEventsDeadLettersUrl']),
    };
    const given = proofPictures(pictures.count, pictures.bad);
    const figures = await prove(world, { pictures: given, limitMs: 600_000, pollMs: 500 });
    for (const error of preprocess.errors) launcher.wrong.push(`preprocess: ${error}`);
    return { ...figures, tasks: service.tasks };
  } finally {
    await preprocess.stop();
  }
}

function startPreprocess(stack: TemplateStack, { sqs }: Clients, { environment }: Moto): Lambda {
  const { Environment: given, Timeout: timeout } = stack.properties('AWS::Lambda::Function', 'PreprocessHandler');
  const { EventSourceArn: source } = stack.properties('AWS::Lambda::EventSourceMapping', 'PreprocessMessages');
  const resolved = Object.entries(given.Variables).map(([name, value]) => [name, stack.resolve(value)]);
  return startLambda({
    sqs,
    queueArn: stack.resolve(source),
    queueUrl: stack.output('UploadsQueueUrl'),
    environment: { ...Object.fromEntries(resolved), ...environment },
    timeoutMs: timeout * 1000,
  });
}
