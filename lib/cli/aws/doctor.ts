import { Command, Option } from 'commander';
import { ImageGptError } from '../../image-gpt/error.ts';
import { examples } from '../examples.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { UsageError } from '../usage-error.ts';
import type { DoctorContext } from './doctor-config.ts';
import { contextEntry } from './doctor-config.ts';
import { regionOption, type StackOptions, stackOption, useRegion } from './stack-option.ts';

export interface DoctorOptions extends StackOptions {
  model?: string;
  context?: DoctorContext;
  release: boolean;
  clean: boolean;
  json: boolean;
}

/** Something stands in the way; the report says what. */
class DoctorError extends ImageGptError {}

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('what stands in the way of deploying, or of a deployed stack')
    .description(
      'Looks at what a deployment needs (credentials, region, bootstrap, Docker, GPU quotas, the model) and at the stack, where it is deployed, and says what to do. With --release it lets the work go on after the cost brake.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(
      new Option(
        '--model <model>',
        'checkpoint directory or s3://bucket/prefix (default: cdk.json’s, the stack’s, or igpt-nano)',
      ),
    )
    .addOption(
      new Option(
        '-c, --context <name=value>',
        'setting of the deployment, as for cdk deploy; may be given more than once',
      ).argParser(contextEntry),
    )
    .option('--release', 'release the cost brake: tasks may start and pictures are taken in again', false)
    .option('--clean', 'remove what a killed igpt tail or igpt smoke has left in the account', false)
    .option('--json', 'as one JSON object', false)
    .addHelpText(
      'after',
      examples('doctor', 'doctor -c compute=cpu -c imageBuild=codebuild', 'doctor --stack ImageGpt --release'),
    )
    .action((options: DoctorOptions, command: Command) =>
      doctor(options, { stackGiven: command.getOptionValueSource('stack') === 'cli' }),
    );
}

async function doctor(options: DoctorOptions, { stackGiven }: { stackGiven: boolean }): Promise<void> {
  if (options.release && options.clean) throw new UsageError('--release and --clean: give one of them');
  useRegion(options.region);
  if (options.release) return (await import('./doctor-release.ts')).release(options);
  if (options.clean) return (await import('./doctor-clean.ts')).clean(options);
  const [{ examine }, { doctorReport }] = await Promise.all([
    import('./doctor-examine.ts'),
    import('./doctor-report.ts'),
  ]);
  const checks = await examine(options, stackGiven);
  const failed = checks.filter(({ level }) => level === 'fail').length;
  await writeOut(
    options.json ? `${JSON.stringify({ ok: failed === 0, checks })}\n` : doctorReport(checks, process.stdout),
  );
  if (failed > 0)
    throw new DoctorError('doctor_failed', `${failed} of ${checks.length} checks failed; each says what to do`);
}
