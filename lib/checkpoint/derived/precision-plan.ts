/** Formats of a matrix. `int8-unfolded` keeps the gain in the norm. `-32` and `-128` are inputs per block. */
const matrixFormats = ['int8', 'int8-unfolded', 'int8-block-32', 'int8-block-128', 'f32'] as const;

export type MatrixFormat = (typeof matrixFormats)[number];

export const matrixRoles = ['attention', 'attentionProjection', 'fc', 'mlpProjection'] as const;

export type MatrixRole = (typeof matrixRoles)[number];

/** Formats of the four matrices of each block. */
export type Plan = readonly Readonly<Record<MatrixRole, MatrixFormat>>[];

/** One character per matrix: a plan must fit into metadata and ids. */
const letters: Readonly<Record<MatrixFormat, string>> = {
  int8: 'i',
  'int8-unfolded': 'u',
  'int8-block-32': 'b',
  'int8-block-128': 'B',
  f32: 'f',
};

/** The plan in which every matrix has the same format. */
export function uniformPlan(layers: number, format: MatrixFormat): Plan {
  return Array.from({ length: layers }, () => ({
    attention: format,
    attentionProjection: format,
    fc: format,
    mlpProjection: format,
  }));
}

/** The plan as text, four characters per block. */
export function planText(plan: Plan): string {
  return plan.map((block) => matrixRoles.map((role) => letters[block[role]]).join('')).join('');
}

/** Parses the text of {@link planText}; undefined if it is not a plan. */
export function parsePlan(text: string): Plan | undefined {
  const formats = [...text].map((letter) => matrixFormats.find((format) => letters[format] === letter));
  const blocks: Record<MatrixRole, MatrixFormat>[] = [];
  for (let i = 0; i < formats.length; i += matrixRoles.length) {
    const [attention, attentionProjection, fc, mlpProjection] = formats.slice(i, i + matrixRoles.length);
    if (!attention || !attentionProjection || !fc || !mlpProjection) return undefined;
    blocks.push({ attention, attentionProjection, fc, mlpProjection });
  }
  return blocks;
}
