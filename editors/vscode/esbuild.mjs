// Bundles the extension into one file; with --tests, each test into one of its own.

import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const tests = process.argv.includes('--tests');

await build({
  entryPoints: tests ? readdirSync('test').map((name) => `test/${name}`) : ['src/extension.ts'],
  outdir: tests ? 'out/test' : 'out',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['vscode'],
  minify: !tests,
  legalComments: 'eof',
  logLevel: 'warning',
});
