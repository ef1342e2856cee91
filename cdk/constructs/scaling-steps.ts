/** One step of a scaling policy: run exactly `tasks` from `lower` up to the next step's `lower`. */
export interface ScalingStep {
  lower: number;
  tasks: number;
}

/**
 * Tasks by outstanding messages: one task for every `messagesPerTask`, rounded up, at most `maxTasks`. There is no step
 * for zero messages, because scaling to zero waits (see {@link emptyMinutes}).
 */
export function scalingSteps(messagesPerTask: number, maxTasks: number): ScalingStep[] {
  return Array.from({ length: maxTasks }, (_, index) => ({
    lower: index === 0 ? 1 : index * messagesPerTask + 1,
    tasks: index + 1,
  }));
}

/** Period of metrics and alarms: the shortest that SQS offers (seconds). */
export const scalingPeriodSeconds = 60;

/**
 * Minutes without outstanding messages before the tasks end. A GPU instance takes about four minutes to start, so it is
 * kept for the next pictures a little longer than that.
 */
export const emptyMinutes = 10;

/** Minutes that the oldest message of the tokens queue waits for Spot before on-demand tasks start. */
export const onDemandAfterMinutes = 15;

/**
 * On-demand tasks by the age of the oldest message (`lower` in seconds): one at first, half of `maxTasks` after an hour,
 * all after four hours.
 */
export function onDemandSteps(maxTasks: number): ScalingStep[] {
  const steps = [
    { lower: onDemandAfterMinutes * 60, tasks: 1 },
    { lower: 3600, tasks: Math.ceil(maxTasks / 2) },
    { lower: 4 * 3600, tasks: maxTasks },
  ];
  return steps.filter(({ tasks }, index) => tasks !== steps[index - 1]?.tasks);
}
