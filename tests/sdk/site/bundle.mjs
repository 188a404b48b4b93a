// Bundles the published @openpanel/web for a page, as a product team's build does.
import { build } from 'esbuild';

await build({
  stdin: {
    contents: `import { OpenPanel } from '@openpanel/web'; window.OpenPanel = OpenPanel;`,
    resolveDir: process.cwd(),
  },
  bundle: true,
  format: 'iife',
  outfile: process.argv[2],
  logLevel: 'error',
  loader: { '.css': 'empty' },
});
