/** Plug-ins that JupyterLab loads, each in its own file. */

import { examples } from './examples';
import { languages } from './languages';
import { outputs } from './outputs';
import { panel } from './panel';
import { trust } from './trust';

export default [panel, examples, languages, outputs, trust];
