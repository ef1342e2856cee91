import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { exportOnnx } from '../../lib/runtime/export-onnx.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { pythonEnvironment } from '../support/python.ts';
import { seededRandom } from '../support/seeded-random.ts';

const run = promisify(execFile);
const found = await pythonEnvironment('requirements-onnx.txt');
const missing = 'missing' in found ? found.missing : undefined;

/** Prints the outputs of a model for tokens [N, n], each picture by itself. */
const program = `
import json, sys, numpy, onnx, onnxruntime
path, tokens, bert = sys.argv[1], numpy.load(sys.argv[2]).astype(numpy.int32), sys.argv[3] == 'bert'
onnxruntime.set_default_logger_severity(3)
session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
names = [output.name for output in session.get_outputs()]
results = {name: [] for name in names}
for row in tokens:
    feeds = {'tokens': row[None]}
    if bert: feeds['mask'] = numpy.zeros((1, row.size), dtype=bool)
    for name, value in zip(names, session.run(names, feeds)): results[name].append(value[0].ravel().tolist())
model = onnx.load(path, load_external_data=False)
print(json.dumps({'domains': sorted({node.domain for node in model.graph.node}), 'results': results}))
`;

describe.skipIf(missing !== undefined)(`an exported model${missing === undefined ? '' : `: ${missing}`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'export-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    [join(repositoryRoot, 'lib/models/igpt-nano'), ['features', 'classes', 'logits', 'likelihood']],
    [join(repositoryRoot, 'test/fixtures/golden/hf16'), ['features', 'classes', 'logits', 'likelihood']],
    [join(repositoryRoot, 'test/fixtures/golden/oa512bert'), ['features', 'classes', 'logits']],
  ])('%s has our numbers in Python’s onnxruntime', async (directory, outputs) => {
    const checkpoint = await openCheckpoint(directory);
    const { n_positions: n, n_colors: colors, objective, feature_layer: layer, feature_norm: norm } = checkpoint.config;
    const random = seededRandom(1);
    const tokens = Uint16Array.from({ length: 2 * n }, () => Math.floor(random() * colors));
    const path = join(folder, `${checkpoint.name}.onnx`);
    await exportOnnx(checkpoint, path);
    writeFileSync(join(folder, 'tokens.npy'), encodeNpy(tokens, [2, n]));
    if ('missing' in found) throw new Error(found.missing);
    const { stdout } = await run(found.python, ['-c', program, path, join(folder, 'tokens.npy'), objective], {
      maxBuffer: 2 ** 28,
    });
    const { results, domains }: { results: Record<string, number[][]>; domains: string[] } = JSON.parse(stdout);

    await using ours = await openForward(checkpoint, {
      features: { layers: [layer], norm, pool: 'mean' },
      classes: true,
      likelihood: outputs.includes('likelihood'),
      logits: true,
    });
    const expected = await ours.execute(tokens);
    expect(Object.keys(results).toSorted()).toEqual(outputs.toSorted());
    expect(domains).toEqual(['', 'com.microsoft']);
    for (const name of outputs) {
      const values = expected.get(name)?.data ?? new Float32Array();
      const theirs = results[name]?.flat() ?? [];
      expect(theirs).toHaveLength(values.length);
      const furthest = theirs.reduce((most, value, i) => {
        const ours = values[i] ?? Number.NaN;
        return Math.max(most, Math.abs(value - ours) / Math.max(1, Math.abs(ours)));
      }, 0);
      expect(furthest, name).toBeLessThan(1e-5);
    }
  });
});
