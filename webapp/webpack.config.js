// Builds webapp/dist/main.js, the one file that the Mattermost web app loads from the bundle.

import { fileURLToPath } from 'node:url';

// The oldest server that is supported (9.6) serves browsers of 2023 and later.
const BROWSER_TARGET = 'es2022';

// The web app offers these to plugins as globals. A second React on the page would break hooks,
// so none of them may end up in the bundle.
const HOST_GLOBALS = {
  react: 'React',
  'react-bootstrap': 'ReactBootstrap',
  'react-dom': 'ReactDOM',
  'react-intl': 'ReactIntl',
  'react-redux': 'ReactRedux',
  redux: 'Redux',
};

const loader = {
  loader: 'esbuild-loader',
  options: {
    target: BROWSER_TARGET,
    // `react/jsx-runtime` is not a global of the web app: the classic transform needs React alone.
    jsx: 'transform',
    tsconfigRaw: {},
    supported: { 'import-attributes': true },
  },
};

export default {
  mode: 'production',
  devtool: false,
  context: fileURLToPath(new URL('.', import.meta.url)),
  entry: './src/index.tsx',
  target: ['web', 'es2022'],
  externals: HOST_GLOBALS,
  module: {
    rules: [
      { test: /\.tsx?$/, exclude: /node_modules/, use: loader },
      {
        test: /\.css$/,
        type: 'asset/source',
        use: { loader: 'esbuild-loader', options: { loader: 'css', minify: true } },
      },
    ],
  },
  output: {
    path: fileURLToPath(new URL('dist', import.meta.url)),
    filename: 'main.js',
    clean: true,
  },
  performance: { hints: 'error', maxAssetSize: 60_000, maxEntrypointSize: 60_000 },
};
