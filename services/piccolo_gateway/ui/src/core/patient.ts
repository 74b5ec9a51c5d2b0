/** Runs long work in slices, so that the page draws in between. */

const SLICE = 6;

/** The work's result; undefined when it is not wanted any more. */
export async function patient<T>(
  work: Generator<void, T>,
  wanted: () => boolean,
  clock = () => performance.now(),
): Promise<T | undefined> {
  let end = clock() + SLICE;
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (clock() < end) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (!wanted()) return undefined;
    end = clock() + SLICE;
  }
}
