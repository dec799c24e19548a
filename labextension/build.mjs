// The widget's bundle: one file, no imports, for anywidget; and beside it the licences of what is bundled.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const dev = process.argv.includes('--dev');
const { metafile } = await build({
  entryPoints: { widget: 'src/widget/index.ts' }, outdir: '../floe_jupyter/static', bundle: true, format: 'esm',
  target: 'es2022', minify: !dev, sourcemap: dev ? 'inline' : false, legalComments: 'none', metafile: true
});

const bundled = new Set(Object.keys(metafile.inputs).map(path => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
const texts = [...bundled].sort().map(name => {
  const found = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].map(file => `node_modules/${name}/${file}`).find(existsSync);
  if (!found) {
    throw new Error(`${name} is bundled and has no licence file; add its notice here by hand`);
  }
  return `${name}\n\n${readFileSync(found, 'utf8').trim()}\n`;
});
if (texts.length) {
  writeFileSync('../floe_jupyter/static/widget.licenses.txt', texts.join('\n'));
}
