import { createServer, type Server, type ServerResponse } from 'node:http';

/** How an exporter behaves when it is asked. */
export type Behaviour = 'well' | 'error' | 'garbage' | 'never-ends' | 'hangs';

/** A /metrics endpoint that behaves as it is told. */
export class Exporter {
  behaviour: Behaviour = 'well';
  seriesCount = 100;
  #scrapes = 0;
  #server: Server;

  private constructor() {
    this.#server = createServer((_request, response) => this.#answer(response));
  }

  static async start(): Promise<Exporter> {
    const exporter = new Exporter();
    await new Promise<void>((resolve) => {
      exporter.#server.listen(0, '127.0.0.1', resolve);
    });
    return exporter;
  }

  get address(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
    return `127.0.0.1:${address.port}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #answer(response: ServerResponse): void {
    if (this.behaviour === 'hangs') return;
    response.statusCode = this.behaviour === 'error' ? 503 : 200;
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    if (this.behaviour === 'garbage') response.end('\u0000<html>{{{ 1e}} \n"'.repeat(100));
    else if (this.behaviour === 'never-ends') this.#writeForEver(response);
    else response.end(this.#page());
  }

  #writeForEver(response: ServerResponse): void {
    const line = 'endless_total{n="1"} 1\n'.repeat(1000);
    const more = (): void => {
      while (!response.destroyed && response.write(line));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  }

  #page(): string {
    this.#scrapes++;
    const lines = Array.from(
      { length: this.seriesCount },
      (_, i) => `probe_gauge{n="${i}"} ${i + 0.5}`,
    );
    return `${lines.join('\n')}\nprobe_scrapes_total ${this.#scrapes}\n`;
  }
}
