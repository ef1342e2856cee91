/** Bits per pixel of a likelihood in nats per token: a token is a pixel, so only the unit changes. */
export function bitsPerPixel(natsPerToken: number): number {
  return natsPerToken / Math.LN2;
}
