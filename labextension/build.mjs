// The widget's bundle: one file, no imports, for anywidget.
import { build } from 'esbuild';

const dev = process.argv.includes('--dev');
await build({
  entryPoints: { widget: 'src/widget/index.ts' }, outdir: '../floe_jupyter/static', bundle: true, format: 'esm',
  target: 'es2022', minify: !dev, sourcemap: dev ? 'inline' : false, legalComments: 'none'
});
