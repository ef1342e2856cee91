/** Attempts of the last copy. The SDK cannot resend a body that was sent in part, but a new copy can. */
const lastAttempts = 3;

/** Calls `copy` every `everyMs`, one call at a time. A failed call is logged; the next one copies what it missed. */
export function startCopying(copy: () => Promise<void>, everyMs: number): { finish(): Promise<void> } {
  let copying: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    copying = copying.then(copy).catch((error: unknown) => console.error('the run was not copied:', error));
  }, everyMs);

  return {
    /** Copies a last time. Rejects when this fails too often. */
    async finish() {
      clearInterval(timer);
      await copying;
      for (let attempt = 1; ; attempt++) {
        try {
          return await copy();
        } catch (error) {
          if (attempt === lastAttempts) throw error;
          console.error('the run was not copied, trying again:', error);
        }
      }
    },
  };
}
