import { vcpusOf } from '../contracts/instances.ts';
import type { Bootstrap, QuotaName } from './account.ts';
import { brakeHolds, troublesOf, workNotes } from './stack-outlook.ts';
import type { StackState } from './stack-state.ts';

/** Result of one check. */
export interface Check {
  name: string;
  /** `skip`: not checked, because an earlier check failed. */
  level: 'ok' | 'warn' | 'fail' | 'skip';
  /** What was found. */
  found: string;
  /** What to do; null if nothing. */
  advice: string | null;
}

export function check(level: Check['level'], name: string, found: string, advice: string | null = null): Check {
  return { name, level, found, advice };
}

/** Lowest bootstrap version for our template. Source: aws-cdk-lib, DefaultStackSynthesizer's MIN_BOOTSTRAP_STACK_VERSION. */
const leastBootstrapVersion = 6;

export function bootstrapCheck(bootstrap: Bootstrap | undefined, where: { account: string; region: string }): Check {
  const advice = `npx cdk bootstrap aws://${where.account}/${where.region}`;
  if (bootstrap === undefined)
    return check('fail', 'bootstrap', 'the account is not bootstrapped in this region', advice);
  const { version, status } = bootstrap;
  if (version < leastBootstrapVersion) {
    return check(
      'fail',
      'bootstrap',
      `CDKToolkit has version ${version}, but the stack needs ${leastBootstrapVersion}`,
      advice,
    );
  }
  if (!/^(CREATE|UPDATE)_COMPLETE$|^UPDATE_ROLLBACK_COMPLETE$/.test(status)) {
    return check('warn', 'bootstrap', `CDKToolkit is ${status}`, advice);
  }
  return check('ok', 'bootstrap', `CDKToolkit, version ${version}`);
}

export function dockerCheck(imageBuild: 'docker' | 'codebuild', version: string | undefined): Check {
  if (imageBuild === 'codebuild') return check('ok', 'docker', 'not needed: CodeBuild builds the image');
  if (version !== undefined) return check('ok', 'docker', `Docker ${version} answers`);
  return check(
    'fail',
    'docker',
    'Docker does not answer, but it must build the worker’s image',
    'start Docker, or deploy with -c imageBuild=codebuild',
  );
}

/** A quota with its value (vCPUs), or the error of reading it. */
export interface FoundQuota {
  quota: QuotaName;
  vcpus: number | Error;
  /** Tasks of data-set jobs, which run on Spot only (default: 0). */
  batchTasks?: number;
}

export interface QuotaNeeds {
  /** vCPUs of the smallest and the largest instance type. */
  least: number;
  most: number;
  maxTasks: number;
}

export function gpuNeeds(instanceTypes: readonly string[], maxTasks: number): QuotaNeeds {
  const sizes = instanceTypes.map(vcpusOf);
  return { least: Math.min(...sizes), most: Math.max(...sizes), maxTasks };
}

/**
 * A market without quota for one task fails only if the other market has none either, because Spot and on-demand replace
 * each other.
 */
export function quotaChecks(found: readonly FoundQuota[], needs: QuotaNeeds, region: string): Check[] {
  const fitsTask = ({ vcpus }: FoundQuota): boolean => !(vcpus instanceof Error) && vcpus >= needs.least;
  const fitsSomewhere = found.some(fitsTask);
  return found.map((entry) => {
    const { quota, vcpus: value, batchTasks = 0 } = entry;
    const allTasks = needs.maxTasks + batchTasks;
    const name = `quota ${quota.title}`;
    if (value instanceof Error) return check('warn', name, value.message, 'look it up in the console, Service Quotas');
    const wanted = needs.most * allTasks;
    const ask = increaseCommand(quota, wanted, region);
    if (value >= wanted) return check('ok', name, `${value} vCPUs, ${wanted} needed for ${allTasks} tasks`);
    if (fitsTask(entry)) {
      const tasks = Math.floor(value / needs.most);
      const enough = tasks === 0 ? 'one task on the smallest instance type' : `${tasks} of ${allTasks} tasks`;
      return check('warn', name, `${value} vCPUs: enough for ${enough}`, ask);
    }
    const why = `${value} vCPUs, a task needs ${needs.least}`;
    if (quota.service === 'fargate') return check('fail', name, why, ask);
    return fitsSomewhere
      ? check('warn', name, why, `the other market has enough; ${ask}`)
      : check('fail', name, why, `no GPU task can start; deploy with -c compute=lambda or -c compute=cpu, or ${ask}`);
  });
}

/** Checks that CodeBuild may build the image. `found`: concurrent builds, or the error of reading the quota. */
export function buildsCheck(quota: QuotaName, found: number | Error, region: string): Check {
  const name = `quota ${quota.title}`;
  if (found instanceof Error) return check('warn', name, found.message, 'look it up in the console, Service Quotas');
  if (found >= 1) return check('ok', name, `${found} at once, 1 needed`);
  return check(
    'fail',
    name,
    'CodeBuild may run no build in this account, as in some new accounts',
    `deploy with -c imageBuild=docker, or ${increaseCommand(quota, 1, region)}`,
  );
}

/**
 * Checks the instance types of a deployment.
 *
 * @param offered those of `wanted` and of `known` that the region has, or the error of asking EC2
 * @param known types that could be used instead
 */
export function instanceTypesCheck(
  wanted: readonly string[],
  offered: readonly string[] | Error,
  { region, batch, known }: { region: string; batch: boolean; known: readonly string[] },
): Check {
  const name = 'instance types';
  if (offered instanceof Error) return check('warn', name, offered.message, 'look them up in the EC2 console');
  const has = wanted.filter((type) => offered.includes(type));
  if (has.length === wanted.length) return check('ok', name, `${region} has ${has.join(', ')}`);
  const lacking = `${region} lacks ${wanted.filter((type) => !has.includes(type)).join(', ')}`;
  if (has.length > 0) {
    // AWS Batch refuses an environment with such a type; the workers' groups use the others.
    return check(batch ? 'fail' : 'warn', name, lacking, `deploy with -c instanceTypes=${has.join(',')}`);
  }
  const others = known.filter((type) => offered.includes(type));
  const advice =
    others.length === 0
      ? 'deploy with -c compute=lambda or -c compute=cpu, or to another region'
      : `deploy with -c instanceTypes=${others.join(',')}`;
  return check('fail', name, lacking, advice);
}

/** Command line that requests a quota. */
export function increaseCommand({ service, code }: QuotaName, wanted: number, region: string): string {
  return `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${wanted} --region ${region}`;
}

/**
 * Checks a running stack.
 *
 * @param call command line of a verb for this stack
 */
export function stackChecks(state: StackState, call: (verb: string) => string): Check[] {
  return [...workChecks(state, call), ...inferChecks(state, call)];
}

function workChecks(state: StackState, call: (verb: string) => string): Check[] {
  const found = workNotes(state, call);
  if (found.length === 0) return [check('ok', 'at work', 'no alarm, no dead letters, the cost brake is released')];
  return found.map((note, i) =>
    // If the cost brake holds, the first note is about it.
    brakeHolds(state) && i === 0
      ? // The daily limit does what it was set for, and releases the brake itself.
        check(state.brake.limit === null ? 'fail' : 'warn', 'at work', note, call('doctor --release'))
      : check('warn', 'at work', note),
  );
}

function inferChecks(state: StackState, call: (verb: string) => string): Check[] {
  const { infer } = state;
  if (infer === null) return [];
  const name = 'function';
  const troubles = troublesOf(state, call);
  if (troubles.length > 0) return troubles.map(({ words, lasting }) => check(lasting ? 'fail' : 'warn', name, words));
  const { state: is, memoryMb, timeoutSeconds } = infer;
  return [
    check('ok', name, `${infer.name} is ${is}, with ${memoryMb} MB and ${timeoutSeconds} s for ${state.modelId}`),
  ];
}
