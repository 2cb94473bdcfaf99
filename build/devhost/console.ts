// Bundles the page that stands in for the System Console; console/README.md says what it asks of its
// server.

import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';

import { build } from 'esbuild';

const sourceDir = path.join(import.meta.dirname, 'console', 'src');

/** The major version of React that the page offers to plugins: 17 up to server 10, 18 since 11. */
export type ReactMajor = 17 | 18;

// Redux and its binding go with React: the newest ones need React 18.
const packagesOfReact17 = {
  react: 'react-17',
  'react-dom': 'react-dom-17',
  'react-redux': 'react-redux-7',
  redux: 'redux-4',
};

/** Writes index.html, console.js and console.css into `outDir`. */
export async function bundleConsole(outDir: string, react: ReactMajor = 18): Promise<void> {
  await mkdir(outDir, { recursive: true });
  await build({
    entryPoints: {
      console: path.join(sourceDir, react === 17 ? 'index-17.tsx' : 'index.tsx'),
    },
    outdir: outDir,
    bundle: true,
    minify: true,
    target: 'es2022',
    jsx: 'transform',
    loader: {
      '.woff': 'empty',
      '.woff2': 'empty',
      '.ttf': 'empty',
      '.eot': 'empty',
      '.svg': 'empty',
    },
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: react === 17 ? packagesOfReact17 : {},
    logLevel: 'warning',
  });
  await copyFile(path.join(sourceDir, 'index.html'), path.join(outDir, 'index.html'));
}
