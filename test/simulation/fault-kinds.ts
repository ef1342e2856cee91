/** How a call of a port can fail. */
const callFaults = [
  /** Refused at once, without effect. */
  'throttle',
  /** 500 or 503: usually nothing has happened. */
  'server_error',
  /** No response and no effect. */
  'timeout_before',
  /** No answer, although it has happened. */
  'timeout_after',
  /** No answer, and it happens after the caller has given up. */
  'late_effect',
  /** May take longer than the visibility timeout and the time limits. */
  'slow',
  /** Only half of an object is stored. */
  'torn_write',
  /** Only a part of the entries of a call is processed. */
  'partial_response',
  /** A message is delivered twice. */
  'duplicate',
  /** Messages arrive in a random order. */
  'reorder',
  /** A message becomes visible again while it is still being processed. */
  'visibility_expired',
  /** The process dies, before or after the call takes effect. */
  'crash',
] as const;

export type CallFault = (typeof callFaults)[number];

/** What users, operators and the environment do meanwhile. */
const worldFaults = [
  'overwrite',
  'delete',
  /** A notification that is repeated, late or out of date. */
  'stray_notification',
  /** A body that is not one of our messages. */
  'hostile_message',
  /** A picture that kills every process that decodes it, or every process that predicts it. */
  'poison',
  'clock_jump',
  /** Every write above a size fails: the disk is full. */
  'no_room',
  /** Every read of one picture fails. */
  'unreadable',
  /** The decoder or the model of every process does not start. */
  'broken_installation',
  /** Another model is deployed while messages wait in the queues. */
  'model_change',
  /** The model before the last is deployed again. */
  'rollback',
  'backfill',
] as const;

type WorldFault = (typeof worldFaults)[number];

export type FaultKind = CallFault | WorldFault;

/** How often each kind of fault has occurred. */
export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  return Object.fromEntries([...callFaults, ...worldFaults].map((kind) => [kind, 0])) as FaultCounts;
}
