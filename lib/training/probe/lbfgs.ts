/** Returns the function's value at `x`, and fills `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsOptions {
  /** Last steps that the inverse Hessian is approximated from (default 10, as in scipy). */
  history?: number;
  /** Default 1,000. */
  maxIterations?: number;
  /** Converged when no component of the gradient is larger (default 1e-4, as in scikit-learn). */
  gradientTolerance?: number;
  /** Multiplies a gradient by a rough inverse Hessian, in place. A good one saves most steps. Default: none. */
  precondition?: ((gradient: Float64Array) => void) | undefined;
}

export interface LbfgsResult {
  x: Float64Array;
  value: number;
  iterations: number;
  /** False: out of iterations, or no step lowers the value although the gradient is still large. */
  converged: boolean;
}

/** Constants of the Wolfe conditions for quasi-Newton methods (Nocedal and Wright, Numerical Optimization, section 3.1). */
const sufficientDecrease = 1e-4;
const curvature = 0.9;

/** Most evaluations along one direction: doubling and halving reach any sensible step in fewer. */
const maxEvaluations = 40;

/** A step with less curvature is left out: its rounding error would spoil the inverse Hessian. */
const minCurvature = 1e-12;

/**
 * Minimises a smooth function by limited-memory BFGS: the two-loop recursion (Nocedal and Wright, algorithm 7.4) with a
 * bisecting line search for the weak Wolfe conditions (Lewis and Overton 2013, algorithm 2.6).
 */
export function minimize(objective: Objective, start: Float64Array, options: LbfgsOptions = {}): LbfgsResult {
  const { history = 10, maxIterations = 1000, gradientTolerance = 1e-4, precondition = () => {} } = options;
  let x: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(x.length);
  let value = objective(x, gradient);
  const steps: Correction[] = [];
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (largest(gradient) <= gradientTolerance) return { x, value, iterations: iteration, converged: true };
    let direction = descent(gradient, steps, precondition);
    let slope = dot(gradient, direction);
    if (!(slope < 0)) {
      steps.length = 0;
      direction = gradient.map((g) => -g);
      slope = dot(gradient, direction);
    }
    // Without history and preconditioner the function's scale is unknown: start with a step of length 1.
    const blind = steps.length === 0 && options.precondition === undefined;
    const first = blind ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    const found = search(objective, { x, value, direction, slope, first });
    if (found === undefined) return { x, value, iterations: iteration, converged: false };
    const s = difference(found.x, x);
    const y = difference(found.gradient, gradient);
    const sy = dot(s, y);
    if (sy > minCurvature * dot(y, y)) {
      steps.push({ s, y, sy });
      if (steps.length > history) steps.shift();
    }
    ({ x, gradient, value } = found);
  }
  return { x, value, iterations: maxIterations, converged: largest(gradient) <= gradientTolerance };
}

interface Correction {
  /** Change of x. */
  s: Float64Array;
  /** Change of the gradient. */
  y: Float64Array;
  /** s . y */
  sy: number;
}

/** The two-loop recursion. Returns minus the approximate inverse Hessian times the gradient. */
function descent(
  gradient: Float64Array,
  steps: readonly Correction[],
  precondition: (gradient: Float64Array) => void,
): Float64Array {
  const q = gradient.slice();
  const alphas = new Float64Array(steps.length);
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i];
    if (step === undefined) continue;
    const alpha = dot(step.s, q) / step.sy;
    alphas[i] = alpha;
    addScaled(q, step.y, -alpha);
  }
  const last = steps.at(-1);
  if (last !== undefined) scale(q, last.sy / dot(last.y, preconditioned(last.y, precondition)));
  precondition(q);
  steps.forEach((step, i) => {
    const beta = dot(step.y, q) / step.sy;
    addScaled(q, step.s, (alphas[i] ?? 0) - beta);
  });
  scale(q, -1);
  return q;
}

function preconditioned(values: Float64Array, precondition: (values: Float64Array) => void): Float64Array {
  const copy = values.slice();
  precondition(copy);
  return copy;
}

interface Point {
  x: Float64Array;
  gradient: Float64Array;
  value: number;
}

interface Line {
  x: Float64Array;
  value: number;
  direction: Float64Array;
  slope: number;
  first: number;
}

/** A point on the line that meets the weak Wolfe conditions, else the lowest one below the start. */
function search(objective: Objective, { x, value, direction, slope, first }: Line): Point | undefined {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let step = first;
  let best: Point | undefined;
  for (let evaluation = 0; evaluation < maxEvaluations; evaluation++) {
    const at = x.map((xi, i) => xi + step * (direction[i] ?? 0));
    const gradient = new Float64Array(x.length);
    const point = { x: at, gradient, value: objective(at, gradient) };
    if (!(point.value <= value + sufficientDecrease * step * slope)) {
      high = step;
    } else {
      if (best === undefined || point.value < best.value) best = point;
      if (dot(gradient, direction) >= curvature * slope) return point;
      low = step;
    }
    step = high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
  }
  return best;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function addScaled(to: Float64Array, what: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) + factor * (what[i] ?? 0);
}

function scale(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) * factor;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - (b[i] ?? 0));
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
