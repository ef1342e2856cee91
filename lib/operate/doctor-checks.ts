import { stackCall } from '../cli/options/stack-option.ts';
import { vcpusOf } from '../contracts/instances.ts';
import type { Bootstrap, QuotaName } from './account.ts';
import { notes } from './stack-outlook.ts';
import type { StackState } from './stack-state.ts';

/** One thing that was looked at. */
export interface Check {
  name: string;
  /** `skip`: could not be looked at because of something above. */
  level: 'ok' | 'warn' | 'fail' | 'skip';
  /** What was found. */
  found: string;
  /** What to do; null when nothing. */
  advice: string | null;
}

export function check(level: Check['level'], name: string, found: string, advice: string | null = null): Check {
  return { name, level, found, advice };
}

/** The template asks for it. Source: aws-cdk-lib, DefaultStackSynthesizer's MIN_BOOTSTRAP_STACK_VERSION. */
const bootstrapNeeded = 6;

export function bootstrapCheck(bootstrap: Bootstrap | undefined, where: { account: string; region: string }): Check {
  const advice = `npx cdk bootstrap aws://${where.account}/${where.region}`;
  if (bootstrap === undefined)
    return check('fail', 'bootstrap', 'the account is not bootstrapped in this region', advice);
  const { version, status } = bootstrap;
  if (version < bootstrapNeeded) {
    return check('fail', 'bootstrap', `CDKToolkit has version ${version}, ${bootstrapNeeded} is needed`, advice);
  }
  if (!/^(CREATE|UPDATE)_COMPLETE$|^UPDATE_ROLLBACK_COMPLETE$/.test(status)) {
    return check('warn', 'bootstrap', `CDKToolkit is ${status}`, advice);
  }
  return check('ok', 'bootstrap', `CDKToolkit, version ${version}`);
}

export function dockerCheck(imageBuild: 'docker' | 'codebuild', version: string | undefined): Check {
  if (imageBuild === 'codebuild') return check('ok', 'docker', 'not needed: CodeBuild makes the image');
  if (version !== undefined) return check('ok', 'docker', `Docker ${version} answers`);
  return check(
    'fail',
    'docker',
    'Docker does not answer, and the worker’s image is built with it',
    'start Docker, or deploy with -c imageBuild=codebuild',
  );
}

/** A quota, and what was found for it: vCPUs, or why it could not be asked. */
export interface FoundQuota {
  quota: QuotaName;
  vcpus: number | Error;
  /** Tasks of batch jobs, which only Spot runs. Default: none. */
  batchTasks?: number;
}

export interface QuotaNeeds {
  /** vCPUs of a task's smallest and largest instance. */
  least: number;
  most: number;
  maxTasks: number;
}

export function gpuNeeds(instanceTypes: readonly string[], maxTasks: number): QuotaNeeds {
  const sizes = instanceTypes.map(vcpusOf);
  return { least: Math.min(...sizes), most: Math.max(...sizes), maxTasks };
}

/**
 * A market without room for one task is a failure only when no other has room: Spot and on-demand stand in for each
 * other.
 */
export function quotaChecks(found: readonly FoundQuota[], needs: QuotaNeeds, region: string): Check[] {
  const room = ({ vcpus }: FoundQuota): boolean => !(vcpus instanceof Error) && vcpus >= needs.least;
  const somewhere = found.some(room);
  return found.map((entry) => {
    const { quota, vcpus: value, batchTasks = 0 } = entry;
    const all = needs.maxTasks + batchTasks;
    const name = `quota ${quota.title}`;
    if (value instanceof Error) return check('warn', name, value.message, 'look in the console, Service Quotas');
    const wanted = needs.most * all;
    const ask = increase(quota, wanted, region);
    if (value >= wanted) return check('ok', name, `${value} vCPUs, ${wanted} needed for ${all} tasks`);
    if (room(entry)) {
      const tasks = Math.floor(value / needs.most);
      const enough = tasks === 0 ? 'a task of the smallest instance type only' : `${tasks} of ${all} tasks`;
      return check('warn', name, `${value} vCPUs: room for ${enough}`, ask);
    }
    const other = somewhere ? 'the other market has room' : `no GPU task can start; -c compute=cpu needs none, or`;
    const cpu = quota.service === 'fargate';
    const why = `${value} vCPUs, a task needs ${needs.least}`;
    return check(somewhere ? 'warn' : 'fail', name, why, cpu ? ask : `${other}${somewhere ? '; ' : ' '}${ask}`);
  });
}

/** Functions at once that a deployment wants, for live uploads and for a backfill. */
export interface FunctionNeeds {
  preprocessConcurrency: number;
  backfillConcurrency: number;
}

/** Whether the account may run as many functions at once; `found`: how many, or why it could not be asked. */
export function functionsCheck(quota: QuotaName, found: number | Error, needs: FunctionNeeds, region: string): Check {
  const { preprocessConcurrency, backfillConcurrency } = needs;
  const name = `quota ${quota.title}`;
  if (found instanceof Error) return check('warn', name, found.message, 'look in the console, Service Quotas');
  const wanted = preprocessConcurrency + backfillConcurrency;
  if (found >= wanted) return check('ok', name, `${found} functions at once, ${wanted} wanted`);
  const fewer = Math.max(found - backfillConcurrency, 2);
  return check(
    'warn',
    name,
    `${found} functions at once in this account, ${wanted} wanted: what Lambda throttles five times ends in the dead letters`,
    `deploy with -c preprocessConcurrency=${fewer}, or ${increase(quota, Math.max(wanted, 1000), region)}`,
  );
}

function increase({ service, code }: QuotaName, wanted: number, region: string): string {
  return `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${wanted} --region ${region}`;
}

/** What a running stack says of itself. */
export function stackChecks(state: StackState): Check[] {
  const held = state.brake.state === 'held' || state.brake.state === 'holding';
  const found = notes(state);
  if (found.length === 0) return [check('ok', 'at work', 'no alarm, no dead letters, the cost brake is released')];
  return found.map((words, i) =>
    check(
      held && i === 0 ? 'fail' : 'warn',
      'at work',
      words,
      held && i === 0 ? stackCall('doctor --release', state.stack) : null,
    ),
  );
}
