/** Settings of the person; changes take effect at once. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';

/** Settings of the panel, as in `schema/panel.json`. */
export interface Settings {
  /** Views shown per second. */
  updateRate: number;
  showPanel: boolean;
  animate: boolean;
  logLines: number;
}

/** Values of settings that the person did not change. */
export const DEFAULTS: Settings = { updateRate: 20, showPanel: false, animate: true, logLines: 500 };

/** Call `apply` with the settings now and after each change; without a registry, with the defaults. */
export async function follow(registry: ISettingRegistry | null, id: string, apply: (settings: Settings) => void): Promise<void> {
  apply(DEFAULTS);
  const found = await registry?.load(id);
  if (found) {
    const read = () => apply({ ...DEFAULTS, ...(found.composite as Partial<Settings>) });
    found.changed.connect(read);
    read();
  }
}
