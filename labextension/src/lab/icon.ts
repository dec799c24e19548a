/** Icon of flows: three nodes and their wires. */

import { LabIcon } from '@jupyterlab/ui-components';

const nodes = '<circle cx="5" cy="6" r="2.6"/><circle cx="5" cy="18" r="2.6"/><circle cx="18.500" cy="12" r="2.6"/>';
const wires =
  '<path d="M7.600 6.600C12 7.500 12 11 15.900 11.800M7.600 17.400C12 16.500 12 13 15.900 12.200" fill="none" stroke-width="1.700"/>';

/** Icon of flows. */
export const flowIcon = new LabIcon({
  name: 'floe:flow',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><g class="jp-icon3 jp-icon-selectable" fill="#616161">${nodes}</g>
<g class="floe-icon-wires">${wires}</g></svg>`
});

/** Icon of flows with held messages. */
export const heldIcon = new LabIcon({
  name: 'floe:flow-held',
  svgstr: flowIcon.svgstr.replace('</svg>', '<circle class="jp-icon-warn0" fill="#f57c00" cx="19" cy="19" r="4.500"/></svg>')
});
