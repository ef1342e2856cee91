import type { Series } from './metric-math.ts';
import type { Policy, Rule, ServiceName } from './scaling-rules.ts';

export interface Weather {
  minutes: number;
  /** Messages that arrive in a minute. */
  arrivals(minute: number): number;
  /** Messages that a task finishes in a minute. Default 1. */
  perTaskAndMinute?: number;
  /** Preprocess sets the desired count to 1 when it sends and there is none. Default false. */
  wake?: boolean;
  /** Minutes until a data point is visible. Default 1. */
  delay?(metric: string, minute: number): number;
  /** True when a data point never appears. */
  lost?(metric: string, minute: number): boolean;
  /** Whether Spot instances can be had. Default true. */
  spot?(minute: number): boolean;
  /** Minutes from an instance's start to the first message, at least 2. Default 4. */
  startMinutes?: number;
  /** Times that CloudWatch repeats an action in a minute. Default 1. */
  repeats?(minute: number): number;
  /** Whether SQS reports that no message is in flight. Its documentation says no. Default false. */
  zeroInFlight?: boolean;
  /** Most instances of each service, as the quotas of vCPUs allow. Default: no limit. */
  instances?: Readonly<Record<ServiceName, number>>;
  /** Most messages that all tasks together can finish in a minute, because S3 or SNS accepts no more. Default: no limit. */
  mostFinished?: number;
}

/** A minute at its end. */
export interface Minute {
  outstanding: number;
  finished: number;
  /** Desired count by service. */
  desired: Record<ServiceName, number>;
}

interface Task {
  service: ServiceName;
  /** When its instance started. Undefined while it waits for one. */
  instanceAt?: number;
  /** When it was ended. */
  endedAt?: number;
  finished: number;
}

/** A task that was ended before it finished a message. */
export interface Wasted {
  service: ServiceName;
  minute: number;
  /** Name of the policy. */
  by: string;
}

/** An instance is in service one minute after its start; its task counts as running from then on. */
const bootMinutes = 1;

/** A task that ends counts as running for this long: it drains for up to two minutes. */
const drainMinutes = 2;

/** Messages that a task holds. See functions/worker/run-inference.ts. */
const heldMessages = 8;

/**
 * Data points that an alarm reads beyond its periods, so that it can skip missing ones. CloudWatch does not document the
 * number; its example for three periods reads two more. Source: CloudWatch User Guide, "Configuring how CloudWatch alarms
 * treat missing data": if enough points exist, the newest of them are evaluated, and the missing ones do not matter.
 */
const spareMinutes = 5;

/** SQS stops its metrics after six idle hours; after that they return up to 15 minutes late. */
const idleMinutes = 360;
const silentMinutes = 15;

/**
 * Simulates the scaling by a template's own alarms and policies, in minutes. In each one, messages arrive, preprocess may
 * wake the main service, instances start, tasks finish messages, data points are written, and every alarm is evaluated. An
 * alarm repeats its actions every minute while it lasts.
 */
export function simulate(rules: readonly Rule[], weather: Weather): { history: Minute[]; wasted: Wasted[] } {
  const { perTaskAndMinute = 1, startMinutes = 4 } = weather;
  const spot = weather.spot ?? (() => true);
  const repeats = weather.repeats ?? (() => 1);
  const metrics = simulatedMetrics(weather);
  const values = rules.map((rule) => rule.value((name) => metrics.series(name)));
  const desired: Record<ServiceName, number> = { main: 0, onDemand: 0 };
  const changedAt = new Map<string, number>();
  const history: Minute[] = [];
  const wasted: Wasted[] = [];
  let tasks: Task[] = [];
  const queue = simulatedQueue();
  let busyAt = Number.NEGATIVE_INFINITY;
  let returnsAt = Number.NEGATIVE_INFINITY;

  function setDesired(service: ServiceName, count: number, minute: number, by: string): void {
    desired[service] = count;
    const live = tasks.filter((task) => task.service === service && task.endedAt === undefined);
    for (let index = live.length; index < count; index++) tasks.push({ service, finished: 0 });
    // ECS ends tasks that wait for an instance first.
    const order = live.toSorted((a, b) => (b.instanceAt ?? minute + 1) - (a.instanceAt ?? minute + 1));
    for (const task of order.slice(0, Math.max(live.length - count, 0))) {
      if (task.finished === 0) wasted.push({ service, minute, by });
      task.endedAt = minute;
    }
  }

  function act(policy: Policy, above: number, minute: number): void {
    const current = desired[policy.service];
    const count = policy.tasks(above, current);
    if (count === undefined || count === current) return;
    // A cooldown starts with each change. It blocks the same policy, but not a larger scale-out.
    const cooling = minute - (changedAt.get(policy.name) ?? Number.NEGATIVE_INFINITY) < policy.cooldownMinutes;
    if (cooling && (count < current || policy.adds)) return;
    changedAt.set(policy.name, minute);
    setDesired(policy.service, count, minute, policy.name);
  }

  for (let minute = 0; minute < weather.minutes; minute++) {
    const arrived = weather.arrivals(minute);
    queue.add(arrived, minute);
    if (weather.wake && arrived > 0 && desired.main === 0) setDesired('main', 1, minute, 'wake');

    for (const task of tasks) {
      if (task.instanceAt !== undefined || (task.service === 'main' && !spot(minute))) continue;
      const running = tasks.filter(({ service, instanceAt }) => service === task.service && instanceAt !== undefined);
      if (running.length < (weather.instances?.[task.service] ?? Number.POSITIVE_INFINITY)) task.instanceAt = minute;
    }
    const waiting = queue.length();
    const oldest = queue.oldest() ?? minute;
    const working = tasks.filter(
      ({ endedAt, instanceAt }) =>
        endedAt === undefined && instanceAt !== undefined && minute - instanceAt >= startMinutes,
    );
    let finished = 0;
    for (const task of working) {
      const share = queue.take(
        Math.min(perTaskAndMinute, (weather.mostFinished ?? Number.POSITIVE_INFINITY) - finished),
      );
      task.finished += share;
      finished += share;
    }
    tasks = tasks.filter(
      ({ endedAt, instanceAt }) =>
        endedAt === undefined || (instanceAt !== undefined && minute - endedAt < drainMinutes),
    );

    if (waiting > 0 || working.length > 0) {
      if (minute - busyAt > idleMinutes) returnsAt = minute + silentMinutes;
      busyAt = minute;
    }
    if (minute >= returnsAt && minute - busyAt <= idleMinutes) {
      // Source: Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS", "Reporting behavior".
      const inFlight = Math.min(waiting, heldMessages * working.length);
      metrics.write('ApproximateNumberOfMessagesVisible', minute, waiting - inFlight);
      if (inFlight > 0 || weather.zeroInFlight) {
        metrics.write('ApproximateNumberOfMessagesNotVisible', minute, inFlight);
      }
      // A consumer that receives nothing asks three times a minute.
      if (working.length > 0) metrics.write('NumberOfEmptyReceives', minute, 3 * working.length);
      if (waiting > 0) metrics.write('ApproximateAgeOfOldestMessage', minute, 60 * (minute - oldest));
    }
    const up = tasks.filter(({ instanceAt }) => instanceAt !== undefined && minute - instanceAt >= bootMinutes);
    const needed = tasks.filter(({ service, endedAt }) => service === 'main' && endedAt === undefined).length;
    const instances = up.filter(({ service }) => service === 'main').length;
    metrics.write('CapacityProviderReservation', minute, reservation(needed, instances));

    rules.forEach((rule, index) => {
      const newest = metrics.breach(values[index] ?? (() => undefined), minute, rule);
      if (newest === undefined) return;
      for (let again = 0; again < repeats(minute); again++) {
        for (const policy of rule.policies) act(policy, newest - rule.threshold, minute);
      }
    });
    history.push({ outstanding: queue.length(), finished, desired: { ...desired } });
  }
  return { history, wasted };
}

/** Messages by their minute of arrival, oldest first. */
function simulatedQueue() {
  const arrivals: { minute: number; count: number }[] = [];
  let length = 0;
  return {
    length: () => length,
    oldest: () => arrivals[0]?.minute,
    add(count: number, minute: number): void {
      if (count > 0) arrivals.push({ minute, count });
      length += count;
    },
    /** @returns the number of messages taken, at most `most` */
    take(most: number): number {
      let taken = 0;
      while (taken < most) {
        const [first] = arrivals;
        if (first === undefined) break;
        const share = Math.min(first.count, most - taken);
        taken += share;
        first.count -= share;
        if (first.count === 0) arrivals.shift();
      }
      length -= taken;
      return taken;
    },
  };
}

/**
 * Instances that are needed, in percent of those that run; 200 without any. Source: AWS Containers Blog, "Deep Dive on
 * Amazon ECS Cluster Auto Scaling".
 */
function reservation(needed: number, running: number): number {
  if (running > 0) return (100 * needed) / running;
  return needed > 0 ? 200 : 100;
}

/** Data points, each with the minute in which it becomes visible. */
function simulatedMetrics({ delay = () => 1, lost = () => false }: Weather) {
  /** By metric and minute. */
  const points = new Map<string, { value: number; visibleAt: number }[]>();
  let now = 0;

  function write(metric: string, minute: number, value: number): void {
    const visibleAt = minute + delay(metric, minute);
    if (!lost(metric, minute)) pointsOf(metric)[minute] = { value, visibleAt };
  }

  function pointsOf(metric: string): { value: number; visibleAt: number }[] {
    const known = points.get(metric) ?? [];
    points.set(metric, known);
    return known;
  }

  function series(metric: string): Series {
    const known = pointsOf(metric);
    return (minute) => {
      const point = known[minute];
      return point !== undefined && point.visibleAt <= now ? point.value : undefined;
    };
  }

  /** The newest point if it and the ones before breach: `periods` that exist in the range of an alarm. */
  function breach(series: Series, minute: number, { periods, breaches }: Rule): number | undefined {
    now = minute;
    let newest: number | undefined;
    let found = 0;
    for (let back = 0; back < periods + spareMinutes; back++) {
      const point = series(minute - back);
      if (point === undefined) continue;
      if (!breaches(point)) return undefined;
      newest ??= point;
      found++;
      if (found === periods) return newest;
    }
    return undefined;
  }

  return { write, series, breach };
}
