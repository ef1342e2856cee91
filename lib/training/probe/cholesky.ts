/** Solves A x = b in place: `b` becomes `x`. */
export type Solve = (b: Float64Array) => void;

/** Smallest pivot: far below those of features with unit deviation, far above rounding errors of their sums. */
const minPivot = 1e-9;

/**
 * Cholesky factorisation of a symmetric positive definite matrix.
 *
 * @param matrix A [d, d], of which only the lower half is read
 */
export function cholesky(matrix: Float64Array, d: number): Solve {
  const lower = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * d + j] ?? 0;
      for (let k = 0; k < j; k++) sum -= (lower[i * d + k] ?? 0) * (lower[j * d + k] ?? 0);
      // The pivot of a column that repeats another is only a rounding error.
      lower[i * d + j] = i === j ? Math.sqrt(Math.max(sum, minPivot)) : sum / (lower[j * d + j] ?? 1);
    }
  }
  return (b) => {
    for (let i = 0; i < d; i++) {
      let sum = b[i] ?? 0;
      for (let k = 0; k < i; k++) sum -= (lower[i * d + k] ?? 0) * (b[k] ?? 0);
      b[i] = sum / (lower[i * d + i] ?? 1);
    }
    for (let i = d - 1; i >= 0; i--) {
      const x = (b[i] ?? 0) / (lower[i * d + i] ?? 1);
      b[i] = x;
      for (let k = 0; k < i; k++) b[k] = (b[k] ?? 0) - (lower[i * d + k] ?? 0) * x;
    }
  };
}
