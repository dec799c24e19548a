/** Columns of a picture in rows below each other, like the lines of a text; and the lanes of wires in the gaps between rows. */

/** Pixels between two rows, without the lanes of wires. */
export const ROW = 44;
/** Pixels between two wires in a gap. */
const LANE = 12;

/** Rows of columns, as in `core/picture/rows.py`. A wire that leaves its row, or goes back, has lanes in the gaps below rows. */
export class Rows {
  /** Bottom of each row. */
  readonly bottoms: number[] = [];
  private readonly taken: Array<Map<number, number>>;
  private readonly row: number[] = [];

  /** `firsts`: first column of each row. */
  constructor(
    readonly firsts: number[],
    private readonly columns: number
  ) {
    this.taken = firsts.map(() => new Map());
    firsts.forEach((first, row) => {
      for (let column = first; column < this.end(row); column++) {
        this.row[column] = row;
      }
    });
  }

  of(column: number): number {
    return this.row[column];
  }

  /** Return the column after the last of a row. */
  end(row: number): number {
    return this.firsts[row + 1] ?? this.columns;
  }

  /** Reserve lanes for a wire below all rows that the wire goes through, except the last. */
  reserveForward(wire: number, source: number, target: number): void {
    for (let row = this.of(source); row < this.of(target); row++) {
      this.reserve(wire, row);
    }
  }

  /** Reserve a lane below the row of each end. */
  reserveBack(wire: number, source: number, target: number): void {
    this.reserve(wire, this.of(source));
    this.reserve(wire, this.of(target));
  }

  private reserve(wire: number, row: number): void {
    const lanes = this.taken[row];
    lanes.set(wire, lanes.get(wire) ?? lanes.size);
  }

  /** Return the height of the gap below a row. */
  gap(row: number): number {
    return ROW + LANE * Math.max(0, this.taken[row].size - 1);
  }

  /** Return the height at which a wire runs below a row. */
  lane(wire: number, row: number): number {
    return this.bottoms[row] + ROW / 2 + LANE * this.taken[row].get(wire)!;
  }

  /** Return how far outside a wire goes up and down, so that wires side by side can be told apart. */
  offset(wire: number, row: number): number {
    return (this.taken[row].get(wire)! % 5) * 4;
  }
}
