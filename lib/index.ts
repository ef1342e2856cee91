export {
  type FailedPicture,
  type ImageGpt,
  openImageGpt,
  type PredictedPicture,
} from './api/open-image-gpt.ts';
export type { CompletionOptions, ImageGptOptions } from './api/options.ts';
export type { PictureFile, PictureInput } from './api/picture-input.ts';
export { CheckpointError } from './checkpoint/error.ts';
export { ImageGptError, InstallationError, PictureError, TransientError, UsageError } from './ports/error.ts';
export type { ClassInput, FeatureNorm, OutputName, Precision, Provider } from './ports/model.ts';
export { ModelError, RuntimeError } from './runtime/error.ts';
