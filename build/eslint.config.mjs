// Rules that the compiler does not have. Layers, sizes and words are checked by build/*.ts.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const strictness = {
  'no-console': 'error',
  eqeqeq: 'error',
  'no-eval': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-non-null-assertion': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: true },
  ],
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  // A reason that was caught, or that an AbortSignal carries, is passed on as it came.
  '@typescript-eslint/only-throw-error': [
    'error',
    { allowThrowingUnknown: true, allowThrowingAny: true },
  ],
  '@typescript-eslint/prefer-promise-reject-errors': [
    'error',
    { allowThrowingUnknown: true, allowThrowingAny: true },
  ],
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/restrict-template-expressions': [
    'error',
    { allowNumber: true, allowBoolean: true },
  ],
  // Codecs hand their functions around as values; none of them uses `this`.
  '@typescript-eslint/unbound-method': 'off',
  '@typescript-eslint/no-unused-vars': [
    'error',
    { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
  ],
  // An interface may ask for a promise that this implementation needs no await to make.
  '@typescript-eslint/require-await': 'off',
};

const nodeOnly = {
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        {
          group: ['node:*'],
          message: 'Node is reached through the ports in server/src/base/ports.',
        },
      ],
    },
  ],
  'no-restricted-globals': [
    'error',
    { name: 'Buffer', message: 'Use Uint8Array and base/bytes.' },
    { name: 'process', message: 'main.ts passes in what is needed.' },
    { name: 'setTimeout', message: 'Use the Clock port.' },
    { name: 'setInterval', message: 'Use the Clock port.' },
  ],
};

export default defineConfig(
  globalIgnores(['**/node_modules', '**/dist', '**/testdata', '**/*.d.ts', '**/*.{js,cjs,mjs}']),
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: strictness,
  },
  {
    files: ['server/src/**/*.ts'],
    ignores: [
      'server/src/platform/**',
      'server/src/plugin/**',
      'server/src/{main,tool,worker}.ts',
      '**/*.test.ts',
    ],
    rules: nodeOnly,
  },
  {
    files: ['build/**/*.ts', '**/*.test.{ts,tsx}', 'server/test/**/*.ts', 'webapp/**/*.{ts,tsx}'],
    rules: { 'no-console': 'off' },
  },
  {
    // node:test returns promises that its own runner awaits.
    files: ['**/*.test.{ts,tsx}', 'server/test/**/*.ts'],
    rules: {
      // A parsed JSON document that goes straight into a comparison needs no type.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'suite', 'describe'] },
          ],
        },
      ],
    },
  },
);
