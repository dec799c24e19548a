/** Plug-ins that JupyterLab loads, each in its own file. */

import { examples } from './notebooks/examples';
import { languages } from './cells/languages';
import { outputs } from './notebooks/outputs';
import { panel } from './panel';
import { trust } from './notebooks/trust';

export default [panel, examples, languages, outputs, trust];
