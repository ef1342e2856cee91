/** One step of a policy: from `lower` outstanding messages (and below the next step's) run exactly `tasks`. */
export interface ScalingStep {
  lower: number;
  tasks: number;
}

/**
 * Tasks for each count of outstanding messages: one task for every `messagesPerTask`, rounded up, at most `maxTasks`.
 * Nothing outstanding is no step: going to zero waits (see {@link emptyMinutes}).
 */
export function scalingSteps(messagesPerTask: number, maxTasks: number): ScalingStep[] {
  return Array.from({ length: maxTasks }, (_, index) => ({
    lower: index === 0 ? 1 : index * messagesPerTask + 1,
    tasks: index + 1,
  }));
}

/** The evaluation and the metric have this period, seconds: the shortest that SQS metrics have. */
export const scalingPeriodSeconds = 60;

/**
 * Minutes without an outstanding message before the tasks go: a GPU instance takes about four minutes to come back, so
 * it stays for the next pictures a little longer than that.
 */
export const emptyMinutes = 10;

/** Minutes that the oldest message of the tokens queue waits before the on-demand service helps: Spot had its chance. */
export const onDemandAfterMinutes = 15;

/**
 * On-demand tasks for each age of the oldest message, `lower` in seconds: one at first, half of `maxTasks` after an hour,
 * all after four.
 */
export function onDemandSteps(maxTasks: number): ScalingStep[] {
  const steps = [
    { lower: onDemandAfterMinutes * 60, tasks: 1 },
    { lower: 3600, tasks: Math.ceil(maxTasks / 2) },
    { lower: 4 * 3600, tasks: maxTasks },
  ];
  return steps.filter(({ tasks }, index) => tasks !== steps[index - 1]?.tasks);
}
