/**
 * How long a failed message stays hidden, milliseconds: 10 s, 40 s, 160 s, 640 s. Together a quarter of an hour, so that
 * a short outage costs no picture its five receives.
 */
export function retryDelayMs(receiveCount: number): number {
  return Math.min(10_000 * 4 ** (receiveCount - 1), 900_000);
}
