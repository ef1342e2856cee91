/**
 * NVIDIA's container hook refuses an image whose CUDA the machine's driver does not serve, before any process of ours
 * starts. Source: NVIDIA_REQUIRE_CUDA of nvidia/cuda's images, and nvidia-container-cli's own words.
 */
const OLD_DRIVER = /unsatisfied condition: cuda ?>= ?([\d.]*\d)/;

/** What to do where ECS's reason for a stopped task is a riddle; null for other reasons. */
export function stopAdvice(reason: string): string | null {
  const [, cuda] = OLD_DRIVER.exec(reason) ?? [];
  if (cuda === undefined) return null;
  return `the machine's NVIDIA driver is too old for CUDA ${cuda}, which the worker's image needs: npx cdk deploy takes ECS's newest GPU AMI (machines that run keep theirs until they are ended), -c cudaImage an image of another CUDA 13`;
}
