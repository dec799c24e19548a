/** What JupyterLab loads; each idea has its own file. */

import { languages } from './languages';
import { panel } from './panel';

export default [panel, languages];
