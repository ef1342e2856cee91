import type { Task } from '@aws-sdk/client-ecs';

/** Why ECS stopped a task, with the reason and exit code of its failed container. */
export function stopReason({ stoppedReason, containers = [] }: Task): string {
  const failed = containers.find(({ exitCode, reason }) => reason !== undefined || (exitCode ?? 0) !== 0);
  const details = [failed?.reason, failed?.exitCode === undefined ? undefined : `exit code ${failed.exitCode}`];
  // ECS sometimes repeats the container's reason as the task's.
  const parts = new Set([stoppedReason ?? 'no reason given', ...details]);
  return [...parts].filter((part) => part !== undefined).join('; ');
}

/**
 * Words of nvidia-container-cli when the machine's driver is too old for the image's CUDA version. The container then
 * never starts. Source: NVIDIA_REQUIRE_CUDA of nvidia/cuda's images.
 */
const oldDriver = /unsatisfied condition: cuda ?>= ?([\d.]*\d)/;

/** What to do when ECS's reason for a stopped task does not say it; null for other reasons. */
export function stopAdvice(reason: string): string | null {
  const [, cuda] = oldDriver.exec(reason) ?? [];
  if (cuda === undefined) return null;
  return `the machine's NVIDIA driver is too old for CUDA ${cuda}, which the worker's image needs: run npx cdk deploy for ECS's newest GPU AMI (running machines keep the old one until they end), or choose an image of another CUDA 13 with -c cudaImage`;
}

/** Why tasks stopped, in words: the advice first, because ECS's reason alone does not help then. */
export function explainStop({ reason, advice }: { reason: string; advice: string | null }): string {
  return advice === null ? reason : `${advice}. ECS says: ${reason}`;
}
