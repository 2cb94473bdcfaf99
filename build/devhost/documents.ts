import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** JSON documents by name, each a file of one folder: what the host keeps from run to run. */
export class Documents {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  /** undefined when it was never written. */
  read(name: string): unknown {
    try {
      return JSON.parse(readFileSync(this.#file(name), 'utf8'));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  write(name: string, value: unknown): void {
    const file = this.#file(name);
    writeFileSync(`${file}.new`, JSON.stringify(value));
    renameSync(`${file}.new`, file);
  }

  #file(name: string): string {
    return path.join(this.#dir, `${name}.json`);
  }
}
