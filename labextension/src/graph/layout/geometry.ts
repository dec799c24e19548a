/** Measures of a layout, and its result: places of boxes and routes of wires. */

export interface Point {
  x: number;
  y: number;
}
export interface Size {
  width: number;
  height: number;
}
export interface Box extends Point, Size {}
/** Route of a wire. */
export interface Route {
  /** Forward: pairs of points with a straight line between, then the end. Back, or to another row: the corners of the route. */
  points: Point[];
  back: boolean;
}
/** Places of boxes by node, and routes by wire. */
export interface Layout extends Size {
  nodes: Map<string, Box>;
  wires: Map<string, Route>;
}
/** Pixels between boxes of a column, wires that pass a column, columns, and wires below all boxes. */
export interface Spaces {
  gap: number;
  passage: number;
  gutter: number;
  lane: number;
}

/** Spaces as in `core/picture/layout.py`. */
export const SPACES: Spaces = { gap: 26, passage: 14, gutter: 76, lane: 16 };

/** Node, or wire (`wire` is its index) that passes a column. */
export interface Item {
  node: string;
  wire: number;
  column: number;
  height: number;
  before: Item[];
  behind: Item[];
  center: number;
  at: number;
}

/** Return the mean; `otherwise` without values. */
export function mean(values: number[], otherwise: number): number {
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : otherwise;
}
