import { describe, expect, it } from 'vitest';
import { minimize, type Objective } from '../../../../lib/training/probe/lbfgs.ts';

/** Rosenbrock's valley: the minimum is 0 at (1, 1). */
const rosenbrock: Objective = ([x = 0, y = 0], gradient) => {
  gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x);
  gradient[1] = 200 * (y - x * x);
  return (1 - x) ** 2 + 100 * (y - x * x) ** 2;
};

describe('L-BFGS', () => {
  it('finds the minimum of a curved valley', () => {
    const { x, value, converged } = minimize(rosenbrock, Float64Array.of(-1.2, 1), { gradientTolerance: 1e-8 });

    expect(converged).toBe(true);
    expect(value).toBeLessThan(1e-15);
    expect([...x]).toEqual([expect.closeTo(1, 7), expect.closeTo(1, 7)]);
  });

  it('solves an ill-conditioned quadratic of many dimensions', () => {
    // f = sum of 10^(i/10) (x_i - i)^2 / 2, condition 10^5.
    const objective: Objective = (x, gradient) =>
      x.reduce((sum, xi, i) => {
        const slope = 10 ** (i / 10) * (xi - i);
        gradient[i] = slope;
        return sum + (slope * (xi - i)) / 2;
      }, 0);
    const { x, converged } = minimize(objective, new Float64Array(51), {
      gradientTolerance: 1e-6,
      maxIterations: 5000,
    });

    expect(converged).toBe(true);
    x.forEach((xi, i) => {
      expect(xi).toBeCloseTo(i, 5);
    });
  });

  it('needs one step when it is given the inverse Hessian', () => {
    const objective: Objective = ([x = 0, y = 0], gradient) => {
      gradient[0] = x - 3;
      gradient[1] = 1e6 * (y - 4);
      return (x - 3) ** 2 / 2 + (1e6 * (y - 4) ** 2) / 2;
    };
    const precondition = (gradient: Float64Array): void => {
      gradient[1] = (gradient[1] ?? 0) / 1e6;
    };

    expect(minimize(objective, new Float64Array(2), { precondition })).toMatchObject({
      iterations: 1,
      converged: true,
    });
  });

  it('stays where it is when the gradient is already small', () => {
    expect(minimize(rosenbrock, Float64Array.of(1, 1))).toMatchObject({ iterations: 0, converged: true });
  });

  it('says that it ran out of iterations', () => {
    expect(minimize(rosenbrock, Float64Array.of(-1.2, 1), { maxIterations: 3 })).toMatchObject({
      iterations: 3,
      converged: false,
    });
  });

  it('does not change the start', () => {
    const start = Float64Array.of(-1.2, 1);
    minimize(rosenbrock, start);

    expect([...start]).toEqual([-1.2, 1]);
  });
});
