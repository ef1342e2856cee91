import type { ResultEvent } from '../../contracts/event.ts';
import { printable } from '../terminal/printable.ts';

/** One event for people: `20:15:03  ship 52.9 %   space/rocket.jpg`. */
export function eventLine(event: ResultEvent, at: Date): string {
  const time = at.toTimeString().slice(0, 8);
  return printable(`${time}  ${whatCame(event).padEnd(24)}  ${event.key}`);
}

function whatCame(event: ResultEvent): string {
  if (event.status === 'failed') return `failed: ${event.error.code}`;
  const { label, probability } = event;
  if (label === null) return 'succeeded';
  return probability === null ? label : `${label} ${(100 * probability).toFixed(1)} %`;
}
