/** Division of the panel's height among its sections. */

/** Return the height of each section: as needed, the largest cut first if `room` is short, surplus to the section at `spare`. */
export function divideHeight(needed: number[], room: number, spare: number): number[] {
  const total = needed.reduce((sum, n) => sum + n, 0);
  if (total <= room) {
    return needed.map((n, at) => (at === spare ? n + room - total : n));
  }
  const most = limit(needed, room);
  return needed.map(n => Math.min(n, most));
}

/** Return the height at which sections are cut so that all together fill the room. */
function limit(needed: number[], room: number): number {
  const sorted = [...needed].sort((a, b) => a - b);
  let left = room;
  for (const [at, n] of sorted.entries()) {
    const each = left / (sorted.length - at);
    if (n > each) {
      return each;
    }
    left -= n;
  }
  return Infinity;
}
