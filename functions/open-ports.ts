import { ImageGptError } from '../lib/ports/error.ts';

/** The parts of a deployment do not fit together: a process of it must not start. */
export class DeploymentError extends ImageGptError {}
