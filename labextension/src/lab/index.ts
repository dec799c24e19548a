/** What JupyterLab loads; each idea has its own file. */

import { languages } from './languages';
import { outputs } from './outputs';
import { panel } from './panel';
import { trust } from './trust';

export default [panel, languages, outputs, trust];
