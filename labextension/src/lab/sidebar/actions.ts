/** Actions of the sidebar's rows. */

/** Actions of rows and commands, carried out by the panel. */
export interface SidebarActions {
  /**
   * Open a flow of a workspace, or its run `instance`, in the main area; select `node` in the view, and the waiting message
   * `message` of the node.
   */
  open(flow: string, workspace: string, instance: string, node?: string, message?: string): void;
  /** Ask the dispatcher for an action, and show a refusal. */
  attempt(work: () => Promise<unknown>): void;
  /** Ask the person before a removal; returns true if confirmed. */
  confirm(title: string, body: string): Promise<boolean>;
  /** Show the notebook cell of a node's module. */
  cell(flow: string, workspace: string, node: string): void;
}
