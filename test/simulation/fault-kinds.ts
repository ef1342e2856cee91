/** What can go wrong with a call of a port. */
const callFaults = [
  /** Refused at once: nothing has happened. */
  'throttle',
  /** 500 or 503: mostly nothing has happened. */
  'server_error',
  /** No answer, and nothing has happened. */
  'timeout_before',
  /** No answer, but it has happened. */
  'timeout_after',
  /** No answer, and it happens when nobody expects it any more. */
  'late_effect',
  /** Takes longer than visibility and time limits. */
  'slow',
  /** Half of an object is stored. */
  'torn_write',
  /** A batch of which a part is done. */
  'partial_response',
  /** A message is delivered twice. */
  'duplicate',
  /** Messages come in any order. */
  'reorder',
  /** A message is visible again at once, while it is being worked on. */
  'visibility_expired',
  /** The process dies, before or after. */
  'crash',
] as const;

export type CallFault = (typeof callFaults)[number];

/** What happens to the world meanwhile. */
const worldFaults = [
  'overwrite',
  'delete',
  /** An announcement again, late, or of what is no longer so. */
  'stray_notification',
  /** A body that is no message of ours. */
  'hostile_message',
  /** A picture that ends every process which decodes it, or predicts it. */
  'poison',
  'clock_jump',
  /** Writes above a size fail for ever: there is no room. */
  'no_room',
  /** Reads of one picture fail for ever. */
  'unreadable',
  /** Another model is deployed while the queues are full. */
  'model_change',
  /** The model before the last is deployed again. */
  'rollback',
  'backfill',
] as const;

type WorldFault = (typeof worldFaults)[number];

export type FaultKind = CallFault | WorldFault;

/** How often each kind has struck. */
export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  return Object.fromEntries([...callFaults, ...worldFaults].map((kind) => [kind, 0])) as FaultCounts;
}
