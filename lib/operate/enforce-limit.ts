import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { LimitEnvironment } from '../contracts/environment.ts';
import { readExecutions } from './brake-executions.ts';
import { commandError } from './command-error.ts';
import { type LimitStep, nextLimitStep } from './daily-limit.ts';
import { readSpend, utcDay } from './daily-spend.ts';

export interface LimitClients {
  cloudWatch: CloudWatchClient;
  stepFunctions: SFNClient;
  sns: SNSClient;
}

/** What was found and done. */
export interface LimitReport {
  day: string;
  /** Estimate since 00:00 UTC. */
  spentUsd: number;
  limitUsd: number;
  did: LimitStep['do'];
}

/**
 * Holds the cost brake when the day's limit is reached and tells the alarm topic, or releases it after midnight.
 *
 * @throws {CommandError} when AWS refuses a call; nothing was done then, or only the mail is missing
 */
export async function enforceLimit(
  { cloudWatch, stepFunctions, sns }: LimitClients,
  env: LimitEnvironment,
  now: Date,
): Promise<LimitReport> {
  const { MAX_USD_PER_DAY: limitUsd, HOLD_ARN: holdArn, RELEASE_ARN: releaseArn } = env;
  const spentUsd = await readSpend(cloudWatch, env.METERS, now);
  const report = { day: utcDay(now), spentUsd, limitUsd };
  try {
    const executions = await readExecutions(stepFunctions, { holdArn, releaseArn });
    const step = nextLimitStep({ now, limitUsd, spentUsd, executions });
    if (step.do === 'release') {
      await stepFunctions.send(new StartExecutionCommand({ stateMachineArn: releaseArn }));
    } else if (step.do === 'hold') {
      // Another input than that of an earlier call, so that the same name is refused and nobody gets two mails.
      const input = JSON.stringify({ spentUsd, limitUsd, at: now.toISOString() });
      await stepFunctions.send(new StartExecutionCommand({ stateMachineArn: holdArn, name: step.name, input }));
      if (step.attempt === 1) await sns.send(new PublishCommand(limitMail(env, report)));
    }
    return { ...report, did: step.do };
  } catch (error) {
    // The list of executions can lag behind.
    if (error instanceof ExecutionAlreadyExists) return { ...report, did: 'nothing' };
    throw commandError('enforce the daily limit', error);
  }
}

/** The mail that tells that the limit holds. */
function limitMail(
  { ALARM_TOPIC_ARN, STACK_NAME }: LimitEnvironment,
  { day, spentUsd, limitUsd }: Omit<LimitReport, 'did'>,
) {
  return {
    TopicArn: ALARM_TOPIC_ARN,
    // At most 100 characters, which a stack's name could exceed.
    Subject: `Image GPT: daily limit of ${limitUsd} USD reached`,
    Message: [
      `Image GPT stack ${STACK_NAME} has spent about ${spentUsd.toFixed(2)} USD on ${day} (UTC), at list prices on demand. Its limit (maxUsdPerDay) is ${limitUsd} USD.`,
      'The cost brake stops the services. Work waits in the queues until 00:00 UTC.',
      `To go on today without the limit: igpt doctor --release --stack ${STACK_NAME}`,
    ].join('\n'),
  };
}
