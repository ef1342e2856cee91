/** A time span for people: `12 s`, `5 min`, `3.2 h`, `2.5 days`. */
export function age(seconds: number): string {
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${oneDigit(seconds / 3600)} h`;
  return `${oneDigit(seconds / 86_400)} days`;
}

/** Time from `then` to `now`: `5 min ago`. */
export function ago(then: Date, now: Date): string {
  return `${age((now.getTime() - then.getTime()) / 1000)} ago`;
}

function oneDigit(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
