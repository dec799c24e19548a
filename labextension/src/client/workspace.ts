/** Connection whose names belong to one workspace; refs of runs and instances mean the same in all workspaces. */

import { NAMED, type Calls } from '../wire';
import type { Connection } from './connection';

const NAMES: ReadonlySet<string> = new Set(NAMED);

/** Return a connection with names of `workspace`; if empty, the dispatcher resolves names itself. */
export function inWorkspace(connection: Connection, workspace: string): Connection {
  if (!workspace) {
    return connection;
  }
  return {
    get state() {
      return connection.state;
    },
    call: <K extends keyof Calls>(name: K, args: Calls[K][0], seconds?: number) =>
      connection.call(name, NAMES.has(name) ? { workspace, ...args } : args, seconds),
    subscribe: (topic, handler) => connection.subscribe(topic, handler),
    onState: handler => connection.onState(handler),
    dispose: () => connection.dispose()
  };
}
