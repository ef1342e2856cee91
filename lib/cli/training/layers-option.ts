import { InvalidArgumentError } from 'commander';

/** Parser of a list of layers: `1,2,5`. */
export function layerList(text: string): number[] {
  const layers = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (layers.some(Number.isNaN) || new Set(layers).size !== layers.length) {
    throw new InvalidArgumentError('expected different layers with commas between them, such as 1,2,3');
  }
  return layers;
}
