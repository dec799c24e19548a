/** Work in pieces of a few milliseconds, so that the page is never blocked. */

/** Milliseconds of a piece. */
const PIECE = 8;

/** Run a generator to its end at once, or in pieces; false from `alive` stops the work. */
export function runInPieces<T>(
  work: Generator<void, T>,
  done: (made: T) => void,
  inPieces: boolean,
  alive: () => boolean = () => true
): void {
  const until = performance.now() + (inPieces ? PIECE : Infinity);
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) {
      done(step.value);
      return;
    }
    if (performance.now() > until) {
      setTimeout(() => {
        if (alive()) {
          runInPieces(work, done, true, alive);
        }
      });
      return;
    }
  }
}
