/** How a call of a port can fail. */
const callFaults = [
  /** Refused at once, without effect. */
  'throttle',
  /** 500 or 503, mostly without effect. */
  'server_error',
  /** No response and no effect. */
  'timeout_before',
  /** No response, but it took effect. */
  'timeout_after',
  /** No response; it takes effect after the caller has given up. */
  'late_effect',
  /** Takes longer than visibility timeouts and time limits. */
  'slow',
  /** Half of an object is stored. */
  'torn_write',
  /** Only a part of the entries takes effect. */
  'partial_response',
  /** A message is delivered twice. */
  'duplicate',
  /** Messages are delivered in a random order. */
  'reorder',
  /** A message becomes visible again while it is processed. */
  'visibility_expired',
  /** The process dies, before or after the effect. */
  'crash',
] as const;

export type CallFault = (typeof callFaults)[number];

/** What users, operators and bad luck do. */
const worldFaults = [
  'overwrite',
  'delete',
  /** A repeated, late or outdated notification. */
  'stray_notification',
  /** A body that is no valid message. */
  'hostile_message',
  /** A picture that ends every process that decodes or predicts it. */
  'poison',
  'clock_jump',
  /** Writes above a size always fail, as on a full disk. */
  'no_room',
  /** Reads of one picture always fail. */
  'unreadable',
  /** Another model is deployed while the queues are full. */
  'model_change',
  /** The model before the last is deployed again. */
  'rollback',
  'backfill',
] as const;

type WorldFault = (typeof worldFaults)[number];

export type FaultKind = CallFault | WorldFault;

/** How often each kind has occurred. */
export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  return Object.fromEntries([...callFaults, ...worldFaults].map((kind) => [kind, 0])) as FaultCounts;
}
