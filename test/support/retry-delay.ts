/** How long a failed message stays hidden in tests (milliseconds): 1 s, doubled each time. */
export function doublingDelayMs(receiveCount: number): number {
  return 1000 * 2 ** (receiveCount - 1);
}
