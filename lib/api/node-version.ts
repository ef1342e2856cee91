// Imported first, so that an old Node gets one clear error instead of one about a missing function.

const oldest = [22, 14] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  throw new Error(
    `image-gpt-serverless: expected Node ${oldest.join('.')} or newer, received ${process.versions.node}; install a newer Node`,
  );
}
