/** The name of a resource: its logical id without CDK's hash and without the kind of compute that it belongs to. */
export function resourceName(id: string): string {
  return id.replace(/[0-9A-F]{8}$/, '').replace(/^(Gpu|Cpu|Lambda)(?=[A-Z])/, '');
}
