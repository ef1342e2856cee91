import type { InferFunction, TokensMapping } from './infer-function.ts';
import type { InferCalls } from './stack-metrics.ts';

/** What keeps the inference function from computing outcomes, and what to do, in one line. */
export interface InferTrouble {
  words: string;
  /** No outcome comes until somebody acts. */
  lasting: boolean;
}

export interface InferContext {
  /** The stack's model. */
  modelId: string;
  /** The cost brake disables the mapping itself. */
  braked: boolean;
  /** Calls of the last five minutes. */
  calls: InferCalls;
  /** Command line of a verb for this stack. */
  call(verb: string): string;
}

/** Inactive: Lambda has put away a function that nobody called for weeks. The next message wakes it. */
const soundStates = ['Active', 'Inactive'];

/** The most severe first; empty if nothing is wrong. */
export function inferTroubles(found: InferFunction, context: InferContext): InferTrouble[] {
  if (!found.exists) return obstacles(found);
  return [
    ...(context.braked ? stateTroubles(found) : obstacles(found)),
    ...modelTroubles(found, context),
    ...callTroubles(found, context),
    ...found.unread.map(passing),
  ];
}

/** Why no tokens arrive at the function while the cost brake is released; undefined if they do. */
export function obstacleOf(found: InferFunction): string | undefined {
  return obstacles(found).find((trouble) => trouble.lasting)?.words;
}

function obstacles(found: InferFunction): InferTrouble[] {
  if (!found.exists) {
    return [lasting(`Lambda has no function ${found.name}: somebody has deleted it; run npx cdk deploy`)];
  }
  return [...stateTroubles(found), ...mappingTroubles(found.mapping), ...reservedTroubles(found)];
}

function lasting(words: string): InferTrouble {
  return { words, lasting: true };
}

function passing(words: string): InferTrouble {
  return { words, lasting: false };
}

function stateTroubles({ state, stateReason, updateFailed }: InferFunction): InferTrouble[] {
  const why = stateReason === null ? '' : ` (${stateReason})`;
  const update =
    updateFailed === null
      ? []
      : [passing(`its last update failed, so the code before it still runs: ${updateFailed}; run npx cdk deploy`)];
  if (state === null || soundStates.includes(state)) return update;
  if (state === 'Pending') return [passing(`it is Pending${why}: wait until Lambda has made it`), ...update];
  return [lasting(`it is ${state}${why}, so it cannot be called; run npx cdk deploy`), ...update];
}

function mappingTroubles(mapping: TokensMapping | null | undefined): InferTrouble[] {
  if (mapping === undefined) return [];
  if (mapping === null) return [lasting('no event source mapping delivers the tokens queue to it; run npx cdk deploy')];
  const { uuid, state, stateReason, problem } = mapping;
  const why = stateReason === null ? '' : ` (${stateReason})`;
  if (['Disabled', 'Disabling', 'Deleting'].includes(state)) {
    return [
      lasting(
        `its event source mapping is ${state}${why}, so no tokens arrive; aws lambda update-event-source-mapping --enabled --uuid ${uuid}`,
      ),
    ];
  }
  return problem === null ? [] : [passing(`Lambda says about the last delivery: ${problem}`)];
}

function reservedTroubles({ name, reserved }: InferFunction): InferTrouble[] {
  if (reserved !== 0) return [];
  const command = `aws lambda delete-function-concurrency --function-name ${name}`;
  return [lasting(`its reserved concurrency is 0, so Lambda refuses every call; ${command}, or run npx cdk deploy`)];
}

function modelTroubles({ modelId }: InferFunction, { modelId: expected }: InferContext): InferTrouble[] {
  if (modelId === null || modelId === expected) return [];
  const model = modelId === '' ? 'no model' : `the model ${modelId}`;
  return [passing(`its environment names ${model}, but the stack’s is ${expected}; run npx cdk deploy`)];
}

function callTroubles({ logGroup, reserved }: InferFunction, { calls, call }: InferContext): InferTrouble[] {
  const { made, failed, throttled } = calls;
  const log = logGroup === null ? 'its log' : `its log ${logGroup}`;
  const cause = `read ${log}, or run ${call('doctor')}, which calls it once`;
  const shares = reserved === null ? 'the account’s functions at once are used up' : `${reserved} are reserved for it`;
  return [
    ...(failed === 0 ? [] : [passing(`${failed} of ${made} calls in five minutes failed: ${cause}`)]),
    // Throttled without a reservation of 0: the deliveries are retried.
    ...(throttled === 0 || reserved === 0
      ? []
      : [passing(`${throttled} calls in five minutes were throttled: ${shares}; ${call('doctor')} checks the quota`)]),
  ];
}
