/** What the rows of the sidebar can do. */

export interface Deeds {
  /** Open a flow, or with `instance` one of its runs, in the main area; with `node` that node is selected, and with
   * `message` that one of those which wait there. */
  open(flow: string, instance: string, node?: string, message?: string): void;
  /** Ask the dispatcher for something; a refusal is shown. */
  attempt(work: () => Promise<unknown>): void;
  /** Show the notebook cell of a node's module. */
  cell(flow: string, node: string): void;
}
