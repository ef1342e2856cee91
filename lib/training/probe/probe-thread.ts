import { serve } from '../../runtime/thread-port.ts';
import { type FittedProbe, fitProbe, type ProbeTask } from './fit-probe.ts';

await serve(async () => ({
  info: undefined,
  execute: async (task: ProbeTask): Promise<FittedProbe> => fitProbe(task),
  close: async () => {},
}));
