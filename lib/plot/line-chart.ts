import { fitted, line, round, SERIES_COLORS, svg, text, textWidth } from './svg.ts';

interface Series {
  name: string;
  /** [x, y], in the order in which they are joined; what is no finite number is left out. */
  points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly Series[];
  /** Dots on the points: for few of them. Default: up to 60 a series. */
  dots?: boolean;
}

const WIDTH = 720;
const HEIGHT = 420;
/** Left and right at least: long numbers get more. */
const MARGIN = { left: 64, right: 20, top: 44, bottom: 52 };

/** What stands left of the numbers of the y axis: its name, and space. */
const LEFT_OF_NUMBERS = 36;

/** Dots closer than this would run together. */
const MOST_DOTS = 60;

/** Lines over common axes, as SVG: accuracy by layer, loss by step. */
export function lineChart({ title, xLabel, yLabel, series, dots }: LineChart): string {
  const drawn = series.map(({ name, points }) => ({
    name,
    points: points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const all = drawn.flatMap(({ points }) => points);
  const xTicks = ticksOf(
    all.map(([value]) => value),
    8,
  );
  const yTicks = ticksOf(
    all.map(([, value]) => value),
    6,
  );
  const left = Math.max(MARGIN.left, LEFT_OF_NUMBERS + Math.max(...yTicks.map((tick) => textWidth(String(tick)))));
  const right = WIDTH - Math.max(MARGIN.right, textWidth(String(xTicks.at(-1))) / 2 + 4);
  const bottom = HEIGHT - MARGIN.bottom;
  const x = axis(xTicks, left, right);
  const y = axis(yTicks, bottom, MARGIN.top);
  const grid = [
    ...y.ticks.flatMap((tick) => [
      line(left, y.at(tick), right, y.at(tick), '#e3e3e3'),
      text(left - 8, y.at(tick) + 4, String(tick), { anchor: 'end' }),
    ]),
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), bottom, x.at(tick), bottom + 5, '#888888'),
      text(x.at(tick), bottom + 20, String(tick)),
    ]),
    line(left, bottom, right, bottom, '#888888'),
  ];
  const lines = drawn.flatMap(({ points }, i) => {
    const color = SERIES_COLORS[i % SERIES_COLORS.length] ?? SERIES_COLORS[0];
    const places = points.map(([px, py]) => `${round(x.at(px))},${round(y.at(py))}`);
    const path = `<polyline points="${places.join(' ')}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`;
    const marks =
      (dots ?? points.length <= MOST_DOTS)
        ? points.map(([px, py]) => `<circle cx="${round(x.at(px))}" cy="${round(y.at(py))}" r="3.5" fill="${color}"/>`)
        : [];
    return [path, ...marks];
  });
  const words = [
    text(left, 20, fitted(title, right - left), { anchor: 'start', weight: 'bold' }),
    text((left + right) / 2, HEIGHT - 12, xLabel),
    text(16, (MARGIN.top + bottom) / 2, yLabel, { turn: -90 }),
  ];
  return svg(WIDTH, HEIGHT, title, [
    ...grid,
    ...lines,
    ...words,
    ...legend(
      drawn.map(({ name }) => name),
      right,
    ),
  ]);
}

/** Names of the lines in their colours, at the top right; one line needs none. */
function legend(names: readonly string[], right: number): string[] {
  if (names.length < 2) return [];
  let end = right;
  return names.toReversed().map((name, back) => {
    const color = SERIES_COLORS[(names.length - 1 - back) % SERIES_COLORS.length] ?? SERIES_COLORS[0];
    const item = text(end, 36, name, { anchor: 'end', color });
    end -= textWidth(name) + 16;
    return item;
  });
}

/** Round numbers with room for every value. */
function ticksOf(values: readonly number[], count: number): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return Number.isFinite(low) ? ticks(low, high, count) : [0, 1];
}

/** Maps values to pixels between `from`, the first tick, and `to`, the last one. */
function axis(marks: readonly number[], from: number, to: number) {
  const first = marks[0] ?? 0;
  const span = (marks.at(-1) ?? 1) - first || 1;
  return { ticks: marks, at: (value: number): number => from + ((value - first) / span) * (to - from) };
}

/** Round numbers from about `low` to about `high`, `count` of them or so: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  // Multiplied from whole numbers, so that no error adds up; the rounding takes 0.30000000000000004 to 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
