import { fitted, line, round, seriesColors, svg, text, textWidth } from './svg.ts';

interface Series {
  name: string;
  /** [x, y] in the order of the line. Points that are not finite are left out. */
  points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly Series[];
}

const chartWidth = 720;
const chartHeight = 420;
/** Left and right are minimums: long numbers get more. */
const margin = { left: 64, right: 20, top: 44, bottom: 52 };

/** Width of the y axis label, with space (pixels). */
const leftOfNumbers = 36;

/** A series with more points has no dots, because they would overlap. */
const maxDots = 60;

/** A line chart as SVG: accuracy by layer, loss by step … */
export function lineChart({ title, xLabel, yLabel, series }: LineChart): string {
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
  const left = Math.max(margin.left, leftOfNumbers + Math.max(...yTicks.map((tick) => textWidth(String(tick)))));
  const right = chartWidth - Math.max(margin.right, textWidth(String(xTicks.at(-1))) / 2 + 4);
  const bottom = chartHeight - margin.bottom;
  const x = axis(xTicks, left, right);
  const y = axis(yTicks, bottom, margin.top);
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
    const color = seriesColors[i % seriesColors.length] ?? seriesColors[0];
    const places = points.map(([px, py]) => `${round(x.at(px))},${round(y.at(py))}`);
    const path = `<polyline points="${places.join(' ')}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`;
    const marks =
      points.length <= maxDots
        ? points.map(([px, py]) => `<circle cx="${round(x.at(px))}" cy="${round(y.at(py))}" r="3.5" fill="${color}"/>`)
        : [];
    return [path, ...marks];
  });
  const words = [
    text(left, 20, fitted(title, right - left), { anchor: 'start', weight: 'bold' }),
    text((left + right) / 2, chartHeight - 12, xLabel),
    text(16, (margin.top + bottom) / 2, yLabel, { turn: -90 }),
  ];
  return svg(chartWidth, chartHeight, title, [
    ...grid,
    ...lines,
    ...words,
    ...legend(
      drawn.map(({ name }) => name),
      right,
    ),
  ]);
}

/** Names of the lines in their colours, at the top right. A single line needs no legend. */
function legend(names: readonly string[], right: number): string[] {
  if (names.length < 2) return [];
  let end = right;
  return names.toReversed().map((name, back) => {
    const color = seriesColors[(names.length - 1 - back) % seriesColors.length] ?? seriesColors[0];
    const item = text(end, 36, name, { anchor: 'end', color });
    end -= textWidth(name) + 16;
    return item;
  });
}

/** Ticks that include all values. */
function ticksOf(values: readonly number[], count: number): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return Number.isFinite(low) ? ticks(low, high, count) : [0, 1];
}

/** Maps values to pixels. The first tick is at `from`, the last at `to`. */
function axis(marks: readonly number[], from: number, to: number) {
  const first = marks[0] ?? 0;
  const span = (marks.at(-1) ?? 1) - first || 1;
  return { ticks: marks, at: (value: number): number => from + ((value - first) / span) * (to - from) };
}

/** About `count` round numbers from `low` or below to `high` or above, in steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  // Multiplying whole numbers avoids accumulated errors. Rounding turns 0.30000000000000004 into 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
