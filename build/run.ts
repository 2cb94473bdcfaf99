import { execFile } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs a tool to its end and returns what it printed. A tool that fails becomes an error with its
 * command line and the end of its output, so that nothing has to be printed while all goes well.
 */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { ...options, maxBuffer: 64 * 1024 * 1024 };
    execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      const missing = 'code' in error && error.code === 'ENOENT';
      const output = missing ? 'not installed' : `${stdout}${stderr}`.trim().slice(-2000);
      reject(
        new Error(`${[command, ...args].join(' ')}: ${output || error.message}`, { cause: error }),
      );
    });
  });
}
