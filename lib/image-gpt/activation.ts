/** Activations of the MLP that our graphs compute, by the names of transformers' ACT2FN. */
export const activations = ['quick_gelu', 'gelu', 'gelu_new', 'relu', 'silu'] as const;

/**
 * - `quick_gelu`: x sigmoid(1.702 x), OpenAI's
 * - `gelu`: x Phi(x), with the normal distribution function Phi
 * - `gelu_new`: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
 * - `relu`: max(x, 0)
 * - `silu`: x sigmoid(x)
 */
export type Activation = (typeof activations)[number];

/** Other names of the same functions (transformers 5.24, activations.py). They differ in rounding only. */
export const activationAliases: Readonly<Record<string, Activation>> = {
  gelu_python: 'gelu',
  gelu_pytorch_tanh: 'gelu_new',
  gelu_python_tanh: 'gelu_new',
  gelu_accurate: 'gelu_new',
  // Its sqrt(2 / pi) has ten digits, more than float32 holds.
  gelu_fast: 'gelu_new',
  swish: 'silu',
};

/** The activation of this name. Undefined for one that our graphs do not compute. */
export function activationOf(name: string): Activation | undefined {
  return (
    activations.find((known) => known === name) ??
    (Object.hasOwn(activationAliases, name) ? activationAliases[name] : undefined)
  );
}

/** Slope of the paper's activation, x sigmoid(1.702 x). */
export const quickGeluSlope = 1.702;

/** sqrt(2 / pi), of `gelu_new`. */
export const geluTanhScale = Math.sqrt(2 / Math.PI);

/** Share of x^3 in `gelu_new`. */
export const geluTanhCube = 0.044715;
