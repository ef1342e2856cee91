import type { Task } from '@aws-sdk/client-ecs';
import { explainStop, stopAdvice, stopReason } from '../../lib/aws/stopped-task.ts';
import type { RolloutEvent } from '../../lib/contracts/rollout.ts';
import { proofExitMeaning } from '../proof-exit.ts';

/**
 * Longest wait for a machine (minutes). A healthy GPU instance takes five. After fifteen minutes without Spot the
 * services' scaling would start an on-demand task (cdk/constructs/scaling.ts), and the proof must not be its reason.
 */
export const capacityMinutes = 12;

/** Longest proof, with that wait (minutes). The cost brake is pulled after 30 minutes of tasks without outcomes. */
export const proofMinutes = 27;

export type Verdict = { end: 'wait' } | { end: 'proved' | 'unproved' | 'failed'; why: string };

/** Why the task definition of this request is not proved; undefined: it must be. */
export function noProofBecause(
  { ResourceProperties: now, OldResourceProperties: before }: RolloutEvent,
  stackStatus: string,
): string | undefined {
  if (now.Prove === 'false') return 'not proved: proveDeployment is false';
  if (now.TaskDefinition === before?.TaskDefinition) return 'not proved again: the task definition is unchanged';
  // A rollback must never fail. The old definition was proved when it was new.
  if (stackStatus.includes('ROLLBACK')) return 'not proved again: rolled back to an earlier task definition';
  return undefined;
}

/**
 * Words with which ECS says that there is no machine now. Sources: Amazon ECS Developer Guide, "API failure reasons"
 * (RESOURCE:GPU, AGENT, EMPTY CAPACITY); AWS re:Post, "ecs-fargate-runtask-capacity"; Fargate's quota of vCPUs. Not
 * RESOURCE:MEMORY and RESOURCE:CPU: the definition asks for more than the instance types have.
 */
const noCapacity =
  /EMPTY CAPACITY|RESOURCE:GPU|\bAGENT\b|No Container Instances|Capacity is unavailable|limit on the number of vCPUs/i;

export function isNoCapacity(reason: string): boolean {
  return noCapacity.test(reason);
}

/** Stop codes of a task whose machine was taken away. Source: Amazon ECS API Reference, Task.stopCode. */
const machineTaken = ['SpotInterruption', 'TerminationNotice', 'InfrastructureHealth'];

/** ECS's words for the same when the instance ended without a notice: "Host EC2 (instance i-0123) terminated." */
const hostEnded = /^Host EC2 \(instance [^)]*\) (terminated|stopped)/;

/**
 * What a proof's task shows.
 *
 * @param task undefined while ECS does not list it yet
 * @param ageMinutes since it was started
 */
export function judgeProof(task: Task | undefined, ageMinutes: number): Verdict {
  const { lastStatus = 'PROVISIONING', startedAt } = task ?? {};
  if (task !== undefined && lastStatus === 'STOPPED') return judgeStopped(task);
  if (lastStatus === 'PROVISIONING' && ageMinutes >= capacityMinutes) {
    return { end: 'unproved', why: `no machine could be had within ${capacityMinutes} minutes` };
  }
  if (ageMinutes < proofMinutes) return { end: 'wait' };
  if (startedAt === undefined) {
    return { end: 'unproved', why: `the container did not start within ${proofMinutes} minutes` };
  }
  return { end: 'failed', why: `expected the proof to end within ${proofMinutes} minutes, but it still runs` };
}

function judgeStopped(task: Task): Verdict {
  const { stopCode = '', stoppedReason = '', containers = [], startedAt, stoppedAt } = task;
  const exitCodes = containers.flatMap(({ exitCode }) => exitCode ?? []);
  if (exitCodes.length > 0 && exitCodes.every((code) => code === 0)) {
    const seconds = Math.round(((stoppedAt?.getTime() ?? 0) - (startedAt?.getTime() ?? 0)) / 1000);
    return { end: 'proved', why: `the worker opened its model and predicted a picture, in ${seconds} s` };
  }
  const reason = stopReason(task);
  if (machineTaken.includes(stopCode) || hostEnded.test(stoppedReason)) {
    return { end: 'unproved', why: `the machine was taken away: ${reason}` };
  }
  if (isNoCapacity(reason)) return { end: 'unproved', why: `no machine could be had: ${reason}` };
  const [exitCode] = exitCodes;
  const meaning = exitCode === undefined ? undefined : proofExitMeaning(exitCode);
  return { end: 'failed', why: explainStop({ reason, advice: stopAdvice(reason) ?? meaning ?? null }) };
}
