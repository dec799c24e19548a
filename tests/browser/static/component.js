// Mounts the built widget around a dispatcher that is played here: calls are answered from `world`, events are sent by the test.
import widget from '/widget.js';

window.__canary = 0;
window.calls = [];
window.violations = [];
document.addEventListener('securitypolicyviolation', event => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));

/** The calls that change something change `world`, as far as a view can see it. */
const acts = {
  flows: world => [world.flow], modules: world => world.modules, runs: world => [world.info], run_info: world => world.info,
  view: world => world.view, held: world => world.held, breaks: world => world.breaks, history: world => world.steps, logs: world => world.logs,
  set_break(world, args) {
    if (args.when?.includes('(')) { throw ['expression', `line 1, column ${args.when.length}: ')' is missing in ${args.when}`]; }
    const made = { id: args.id || `b${world.breaks.length + 1}`, side: 'in', port: '', when: '', hits: 0, log: '', enabled: true, count: 0, ...args, flow: world.flow.name };
    made.id ||= `b${world.breaks.length + 1}`;
    world.breaks = [...world.breaks.filter(b => b.id !== made.id), made];
    return made;
  },
  // in Python, by the server of this page
  layout: async (world, { flow, workspace, ...look }) =>
    (await fetch('/layout', { method: 'POST', body: JSON.stringify([world.flow, look]) })).json(),
  latest: (world, args) => Object.fromEntries(Object.entries(world.latest ?? {}).filter(([name]) => !args.wire || name === args.wire)),
  results: (world, args) => (world.results ?? []).slice(args.start ?? 0),
  fork: world => ({ ...world.info, ref: 'demo.1.local.2', instance: 'demo.1.local.2', status: 'pending' }),
  undrop(world) { if (world.passed) { throw ['definition', 'nothing is debugged any more']; } return null; },
  clear_break(world, args) { world.breaks = world.breaks.filter(b => b.id !== args.id); return 1; },
};

class Model {
  constructor(traits, world) { this.traits = traits; this.world = world; this.handlers = new Map(); }
  get(name) { return this.traits[name]; }
  on(name, handler) { this.handlers.set(name, [...this.handlers.get(name) ?? [], handler]); }
  off(name, handler) { this.handlers.set(name, (this.handlers.get(name) ?? []).filter(h => h !== handler)); }
  emit(content) { (this.handlers.get('msg:custom') ?? []).forEach(h => h(content, [])); }
  set(name, value) { this.traits[name] = value; (this.handlers.get(`change:${name}`) ?? []).forEach(h => h()); }
  send(content) {
    if (!this.world) { return; }
    content = JSON.parse(JSON.stringify(content));
    if (content.kind === 'hello') { queueMicrotask(() => this.emit({ kind: 'hello' })); }
    if (content.call) { window.slow ? setTimeout(() => this.answer(content), window.slow) : queueMicrotask(() => this.answer(content)); }
  }
  async answer({ id, call, args }) {
    window.calls.push([call, args]);
    try {
      const made = acts[call] ? acts[call](this.world, args) : null;
      this.emit({ id, value: structuredClone(made instanceof Promise ? await made : made) });
    } catch (error) {
      this.emit({ id, error: Array.isArray(error) ? error : ['bug', String(error)] });
    }
  }
}

/** `world` null: nobody answers. */
window.mount = ({ traits, world = null, width = '', height = 0, hidden = false, unfolded = false }) => {
  window.unmount?.();
  if (unfolded) { localStorage.setItem('floe-jupyter', JSON.stringify({ ...JSON.parse(localStorage.getItem('floe-jupyter') ?? '{}'), unfolded: true })); }
  const place = document.getElementById('place');
  place.style.width = width;
  place.style.display = hidden ? 'none' : '';
  window.calls = [];
  window.world = world;
  window.sequence = 0;
  const model = window.model = new Model({ bridge: '', height: height || 420, total: 0, view: {}, ...traits }, world);
  const controller = new AbortController();
  const el = document.createElement('div');
  place.append(el);
  const end = [widget.initialize?.({ model, signal: controller.signal }), widget.render({ model, el, signal: controller.signal })];
  window.unmount = () => { end.reverse().forEach(e => e?.()); el.remove(); window.unmount = null; };
};
window.publish = (topic, value) => window.model.emit({ topic, sequence: ++window.sequence, value });
window.show = view => { window.world.view = view; window.publish(`view/${window.model.get('instance')}`, view); };
window.mounted = true;
