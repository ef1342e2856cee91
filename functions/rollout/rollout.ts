import {
  type CloudFormationClient,
  DescribeStackResourceCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { awsErrorName } from '../../lib/aws/aws-error.ts';
import { type Proof, type RolloutEvent, workerContainer } from '../../lib/contracts/rollout.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { ImageGptError } from '../../lib/ports/error.ts';
import { isNoCapacity, judgeProof, noProofBecause } from './judge-proof.ts';

/** The new task definition is not fit to be rolled out. CloudFormation rolls the deployment back. */
export class ProofError extends ImageGptError {}

export interface RolloutOptions {
  ecs: ECSClient;
  cloudFormation: CloudFormationClient;
  clock: Clock;
  /** Reports that a definition is rolled out without a proof. */
  warn(message: string): void;
}

/** Answer to the question whether a request is complete. `Data` are the attributes of the custom resource. */
type Answer = { IsComplete: false } | { IsComplete: true; Data?: Record<string, string | number> };

export interface Rollout {
  /** Begins a request of CloudFormation. */
  begin(event: RolloutEvent): Promise<{ Proof: Proof }>;
  /** Asked every few seconds after `begin`. @throws {ProofError} when the definition is not fit */
  finish(event: RolloutEvent, proof: Proof): Promise<Answer>;
}

const startedBy = 'image-gpt-proof';

const command = ['node', 'functions/worker/prove.ts'];

/**
 * Proves a new task definition before the services get it, and tells how many tasks they run. CloudFormation sets the
 * desired count with every change of a service, so the template takes it from here: 0 for a service that does not exist
 * yet, otherwise the live count.
 */
export function createRollout({ ecs, cloudFormation, clock, warn }: RolloutOptions): Rollout {
  /** Ends proofs of a deployment that was given up. Returns their tasks, which take up to two minutes to stop. */
  async function stopProofs(cluster: string): Promise<string[]> {
    try {
      const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, startedBy }));
      for (const task of taskArns) {
        await ecs.send(new StopTaskCommand({ cluster, task, reason: 'The deployment no longer needs this proof.' }));
      }
      return taskArns;
    } catch (error) {
      if (awsErrorName(error) === 'ClusterNotFoundException') return [];
      throw error;
    }
  }

  async function haveStopped(cluster: string, tasks: string[]): Promise<boolean> {
    if (tasks.length === 0) return true;
    const { tasks: found = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks }));
    return found.every(({ lastStatus }) => lastStatus === 'STOPPED');
  }

  async function runProof({ ResourceProperties: properties }: RolloutEvent): Promise<Proof> {
    const { Cluster: cluster, Subnets: subnets, SecurityGroups: securityGroups } = properties;
    const startedAt = clock.now().toISOString();
    try {
      const { tasks: [task] = [], failures = [] } = await ecs.send(
        new RunTaskCommand({
          cluster,
          startedBy,
          taskDefinition: properties.TaskDefinition,
          capacityProviderStrategy: [{ capacityProvider: properties.CapacityProvider, weight: 1 }],
          ...(subnets && {
            networkConfiguration: { awsvpcConfiguration: { subnets, securityGroups, assignPublicIp: 'ENABLED' } },
          }),
          overrides: { containerOverrides: [{ name: workerContainer, command }] },
        }),
      );
      if (task?.taskArn !== undefined) return { task: task.taskArn, startedAt };
      throw new Error(failures.map(({ reason }) => reason).join('; ') || 'no reason given');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (isNoCapacity(reason)) return { unproved: `no machine could be had: ${reason}`, warning: true };
      throw new ProofError('proof_failed', `Expected ECS to run the proof of the worker, received: ${reason}`, {
        cause: error,
      });
    }
  }

  async function answer({ StackId, ResourceProperties: properties }: RolloutEvent, proof: string): Promise<Answer> {
    const Data: Record<string, string | number> = { Proof: proof };
    for (const id of properties.Services) Data[id] = await liveCount(StackId, id, properties.Cluster);
    return { IsComplete: true, Data };
  }

  async function liveCount(StackName: string, LogicalResourceId: string, cluster: string): Promise<number> {
    const service = await cloudFormation
      .send(new DescribeStackResourceCommand({ StackName, LogicalResourceId }))
      .then(({ StackResourceDetail: detail }) => detail?.PhysicalResourceId)
      .catch((error: unknown) => {
        // "Resource … does not exist for stack …": this deployment creates it.
        if (awsErrorName(error) === 'ValidationError') return undefined;
        throw error;
      });
    if (service === undefined || service === '') return 0;
    const { services: [found] = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    return found?.status === 'ACTIVE' ? (found.desiredCount ?? 0) : 0;
  }

  async function unproved(event: RolloutEvent, why: string): Promise<Answer> {
    const text = `not proved: ${why}`;
    warn(text);
    return answer(event, text);
  }

  return {
    async begin(event) {
      const stopping = await stopProofs(event.ResourceProperties.Cluster);
      // A cluster cannot be deleted while it has a task.
      if (event.RequestType === 'Delete') return { Proof: { stopping } };
      const { Stacks: [stack] = [] } = await cloudFormation.send(
        new DescribeStacksCommand({ StackName: event.StackId }),
      );
      const because = noProofBecause(event, stack?.StackStatus ?? '');
      return { Proof: because === undefined ? await runProof(event) : { unproved: because, warning: false } };
    },

    async finish(event, proof) {
      const { Cluster: cluster, LogGroup: logGroup } = event.ResourceProperties;
      if ('stopping' in proof) return { IsComplete: await haveStopped(cluster, proof.stopping) };
      if ('unproved' in proof) {
        return proof.warning ? unproved(event, proof.unproved) : answer(event, proof.unproved);
      }
      const { tasks: [task] = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [proof.task] }));
      const ageMinutes = (clock.now().getTime() - Date.parse(proof.startedAt)) / 60_000;
      const verdict = judgeProof(task, ageMinutes);
      if (verdict.end === 'wait') return { IsComplete: false };
      if (task?.lastStatus !== 'STOPPED') await stopProofs(cluster);
      if (verdict.end === 'proved') return answer(event, `proved: ${verdict.why}`);
      if (verdict.end === 'unproved') return unproved(event, verdict.why);
      const stream = `worker/${workerContainer}/${proof.task.split('/').at(-1)}`;
      throw new ProofError(
        'proof_failed',
        `Expected the new worker to open its model and predict a picture, received: ${verdict.why}. Its log is the stream ${stream} of ${logGroup}; cdk deploy --no-rollback keeps the log of a first deployment.`,
      );
    },
  };
}
