/** Longest object key (bytes of UTF-8). Source: Amazon S3 User Guide, "Naming Amazon S3 objects". */
export const maxKeyBytes = 1024;

/** Largest message, and largest SendMessageBatch request (bytes). Source: Amazon SQS Developer Guide, "Message quotas". */
export const maxMessageBytes = 1_048_576;

/** Most messages in a SendMessageBatch, ReceiveMessage or DeleteMessageBatch request. Source: the same. */
export const maxChunkMessages = 10;

/** Most children of an array job, hence most shards of a job on AWS. Source: AWS Batch User Guide, "Array jobs". */
export const maxArrayChildren = 10_000;

/** Most pictures in a tokens message. A picture of 32x32 pixels has about 2 KB there. */
export const maxPicturesPerMessage = 100;
