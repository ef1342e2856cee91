import { ImageGptError } from '../lib/image-gpt/error.ts';

/** The parts of a deployment do not fit together: a process of it must not start. */
export class DeploymentError extends ImageGptError {}
