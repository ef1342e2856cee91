import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { createEcsClient, createS3Client, createSqsClient } from '../../lib/aws/clients.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { createCloudFormationClient, createStsClient } from '../../lib/operate/clients.ts';
import { type DeployedStack, readDeployedStack, StackError } from '../../lib/operate/deployed-stack.ts';
import { awsWorld, deleteBucket } from './aws-world.ts';
import { proofKinds } from './proof-kinds.ts';
import { type ProofOptions, ProofUsageError, parseProofOptions, proofUsage } from './proof-options.ts';
import { proofPictures } from './proof-pictures.ts';
import { proofReport } from './proof-report.ts';
import { prove } from './prove.ts';

// `npm run prove:aws`. NEVER RUN ON REAL AWS by its authors, who had no account. Its parts are tested in
// test/unit/prove-aws and, on an emulator, in test/aws/prove-aws.slow.test.ts.

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const options = parseProofOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(proofUsage);
    return;
  }
  if (options.region !== undefined) Object.assign(process.env, { AWS_REGION: options.region });
  await refuseExisting(options.stack);
  if (!(await confirmed(options))) {
    say('nothing was done');
    return;
  }
  const seconds = { deploy: 0, destroy: 0 };
  let deployed: DeployedStack | undefined;
  const interrupt = interrupted();
  const clients = { s3: createS3Client(), sqs: createSqsClient(), ecs: createEcsClient() };
  try {
    say('deploying; this takes about ten minutes');
    seconds.deploy = await timed(() => cdk('deploy', options));
    deployed = await readDeployedStack(createCloudFormationClient(), options.stack);
    const proof = prove(awsWorld(deployed.outputs, clients, say), {
      pictures: proofPictures(options.pictures, options.bad),
      limitMs: options.limit * 60_000,
      pollMs: 2000,
    });
    const figures = await Promise.race([proof, interrupt]);
    process.stdout.write(proofReport(options, deployed, figures, seconds.deploy));
    if (figures.verdict.wrong.length > 0 || figures.deadLetters > 0) process.exitCode = 1;
  } finally {
    if (options.keep) {
      say(
        `kept the stack ${options.stack}; to remove it: npx cdk destroy -c stackName=${options.stack}, then delete its buckets`,
      );
    } else {
      seconds.destroy = await timed(() => cdk('destroy', options));
      for (const name of deployed === undefined ? [] : [deployed.outputs.inputBucket, deployed.outputs.outputBucket]) {
        await deleteBucket(clients.s3, name);
      }
      say(`destroyed the stack and its buckets in ${Math.round(seconds.destroy)} s`);
      if (deployed === undefined) say(`the deployment failed: check whether buckets of ${options.stack} are left`);
    }
  }
}

/** Rejects at the first Ctrl-C, so that the stack is still destroyed. A second Ctrl-C ends the process at once. */
function interrupted(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  process.once('SIGINT', () => reject(new Error('interrupted; the stack is being destroyed, unless --keep was given')));
  // During the deployment nothing waits for this promise; cdk fails by itself.
  promise.catch(() => {});
  return promise;
}

/** Refuses an existing stack, because the proof deletes its buckets in the end. */
async function refuseExisting(stack: string): Promise<void> {
  try {
    await readDeployedStack(createCloudFormationClient(), stack);
  } catch (error) {
    if (error instanceof StackError && error.code === 'stack_missing') return;
    throw error;
  }
  throw new ProofUsageError(
    `expected a new stack, but ${stack} exists, and its buckets would be deleted: give another --stack`,
  );
}

/** Prints the account and the cost, and asks for confirmation. */
async function confirmed(options: ProofOptions): Promise<boolean> {
  const { Account: account, Arn: arn } = await createStsClient().send(new GetCallerIdentityCommand({}));
  const { usual, most } = proofKinds[options.compute].cost(options);
  say(
    `account ${account} as ${arn}: deploy the stack ${options.stack} (compute=${options.compute}) and send ${options.pictures} pictures`,
  );
  say(
    `this should cost about ${usual.toFixed(2)} USD, and at most about ${most.toFixed(2)} USD if every wait times out`,
  );
  if (options.yes) return true;
  if (!process.stdin.isTTY)
    throw new ProofUsageError('expected a terminal to ask for confirmation: without one, add --yes');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question('continue? (yes/no) ');
  prompt.close();
  return answer.trim().toLowerCase() === 'yes';
}

/** Runs the project's own `cdk`, with its output on this terminal. */
async function cdk(verb: 'deploy' | 'destroy', { stack, compute }: ProofOptions): Promise<void> {
  const confirmation = verb === 'deploy' ? ['--require-approval', 'never'] : ['--force'];
  const context = ['-c', `stackName=${stack}`, '-c', `compute=${compute}`];
  const child = spawn(
    process.execPath,
    [join(repositoryRoot, 'node_modules/aws-cdk/bin/cdk'), verb, ...context, ...confirmation],
    {
      cwd: repositoryRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`expected cdk ${verb} to succeed, received exit code ${code}: see its output above`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

try {
  await main();
} catch (error) {
  const usage = error instanceof ProofUsageError;
  say(`prove:aws: ${error instanceof Error ? error.message : error}`);
  if (usage) say('see npm run prove:aws -- --help');
  process.exitCode = usage ? 2 : 1;
}
