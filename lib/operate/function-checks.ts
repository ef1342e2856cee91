import { inferMemory as memorySizes } from '../contracts/infer-function.ts';
import type { QuotaName } from './account.ts';
import { type Check, check, increaseCommand } from './doctor-checks.ts';

/** Functions at once of an established account. Source: AWS Lambda Developer Guide, "Lambda quotas". */
const usualFunctions = 1000;

/** Lambda refuses a reservation that leaves fewer. Source: AWS Lambda Developer Guide, "Configuring reserved concurrency". */
const leastUnreserved = 100;

/** Each setting of a concurrency is at least this. */
const leastConcurrency = 2;

/** What the functions of a deployment need. */
export interface FunctionNeeds {
  compute: 'gpu' | 'cpu' | 'lambda';
  preprocessConcurrency: number;
  backfillConcurrency: number;
  inferConcurrency: number;
  inferReserved: boolean;
  /** MB. */
  inferMemory: number;
}

/**
 * Checks what the account allows its functions.
 *
 * @param found functions at once, or the error of reading the quota
 */
export function functionChecks(quota: QuotaName, found: number | Error, needs: FunctionNeeds, region: string): Check[] {
  const name = `quota ${quota.title}`;
  if (found instanceof Error) {
    return [check('warn', name, found.message, 'look it up in the console, Service Quotas'), ...memoryChecks(0, needs)];
  }
  const ask = (wanted: number) => increaseCommand(quota, Math.max(wanted, usualFunctions), region);
  return [
    concurrencyCheck(name, found, needs, ask),
    ...reservationChecks(name, found, needs, ask),
    ...memoryChecks(found, needs),
  ];
}

type Ask = (wanted: number) => string;

function concurrencyCheck(name: string, found: number, needs: FunctionNeeds, ask: Ask): Check {
  const { preprocessConcurrency, backfillConcurrency } = needs;
  const infer = needs.compute === 'lambda' ? needs.inferConcurrency : 0;
  const wanted = preprocessConcurrency + backfillConcurrency + infer;
  if (found >= wanted) return check('ok', name, `${found} concurrent functions, ${wanted} needed`);
  const lacking = `${found} concurrent functions in this account, ${wanted} needed: a message that Lambda throttles five times is dead-lettered`;
  const fewer = fitting(found, backfillConcurrency, infer);
  return check('warn', name, lacking, fewer === undefined ? ask(wanted) : `deploy with ${fewer}, or ${ask(wanted)}`);
}

/** Settings with which all functions fit; undefined if the least do not. */
function fitting(found: number, backfill: number, infer: number): string | undefined {
  const fewerInfer = Math.min(infer, Math.max(found - backfill - leastConcurrency, leastConcurrency));
  const preprocess = found - backfill - fewerInfer;
  if (preprocess < leastConcurrency) return undefined;
  const settings = [`-c preprocessConcurrency=${preprocess}`];
  if (fewerInfer < infer) settings.push(`-c inferConcurrency=${fewerInfer}`);
  return settings.join(' ');
}

function reservationChecks(name: string, found: number, needs: FunctionNeeds, ask: Ask): Check[] {
  const { compute, inferReserved, inferConcurrency } = needs;
  // One more for a test of the deployment: see cdk/constructs/infer.ts.
  const reserved = inferConcurrency + 1;
  if (compute !== 'lambda' || !inferReserved || found - reserved >= leastUnreserved) return [];
  const refused = `Lambda refuses to reserve ${reserved} of ${found} concurrent functions, because ${leastUnreserved} must stay unreserved`;
  return [check('fail', name, refused, `deploy without inferReserved, or ${ask(reserved + leastUnreserved)}`)];
}

/** No API tells how much memory an account allows, but an account with few functions at once is a new one. */
function memoryChecks(found: number, { compute, inferMemory }: FunctionNeeds): Check[] {
  if (compute !== 'lambda' || inferMemory <= memorySizes.default || found >= usualFunctions) return [];
  const limit = `a new account allows at most ${memorySizes.default} MB for a function, and inferMemory is ${inferMemory}`;
  const advice = `deploy with -c inferMemory=${memorySizes.default}, or ask AWS support to raise the limit`;
  return [check('warn', 'memory of functions', limit, advice)];
}
