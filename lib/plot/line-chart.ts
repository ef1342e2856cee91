import { line, round, SERIES_COLORS, svg, text, textWidth } from './svg.ts';
import { ticks } from './ticks.ts';

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
const MARGIN = { left: 64, right: 20, top: 44, bottom: 52 };

/** Dots closer than this would run together. */
const MOST_DOTS = 60;

/** Lines over common axes, as SVG: accuracy by layer, loss by step. */
export function lineChart({ title, xLabel, yLabel, series, dots }: LineChart): string {
  const drawn = series.map(({ name, points }) => ({
    name,
    points: points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const all = drawn.flatMap(({ points }) => points);
  const x = axis(
    all.map(([value]) => value),
    MARGIN.left,
    WIDTH - MARGIN.right,
    8,
  );
  const y = axis(
    all.map(([, value]) => value),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
    6,
  );
  const bottom = HEIGHT - MARGIN.bottom;
  const grid = [
    ...y.ticks.flatMap((tick) => [
      line(MARGIN.left, y.at(tick), WIDTH - MARGIN.right, y.at(tick), '#e3e3e3'),
      text(MARGIN.left - 8, y.at(tick) + 4, String(tick), { anchor: 'end' }),
    ]),
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), bottom, x.at(tick), bottom + 5, '#888888'),
      text(x.at(tick), bottom + 20, String(tick)),
    ]),
    line(MARGIN.left, bottom, WIDTH - MARGIN.right, bottom, '#888888'),
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
    text(MARGIN.left, 20, title, { anchor: 'start', weight: 'bold' }),
    text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 12, xLabel),
    text(16, (MARGIN.top + bottom) / 2, yLabel, { turn: -90 }),
  ];
  return svg(WIDTH, HEIGHT, title, [...grid, ...lines, ...words, ...legend(drawn.map(({ name }) => name))]);
}

/** Names of the lines in their colours, at the top right; one line needs none. */
function legend(names: readonly string[]): string[] {
  if (names.length < 2) return [];
  let end = WIDTH - MARGIN.right;
  return names.toReversed().map((name, back) => {
    const color = SERIES_COLORS[(names.length - 1 - back) % SERIES_COLORS.length] ?? SERIES_COLORS[0];
    const item = text(end, 36, name, { anchor: 'end', color });
    end -= textWidth(name) + 16;
    return item;
  });
}

/** Maps values to pixels between `from` and `to`, with room for every tick. */
function axis(values: readonly number[], from: number, to: number, count: number) {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const marks = Number.isFinite(low) ? ticks(low, high, count) : [0, 1];
  const first = marks[0] ?? 0;
  const span = (marks.at(-1) ?? 1) - first || 1;
  return { ticks: marks, at: (value: number): number => from + ((value - first) / span) * (to - from) };
}
