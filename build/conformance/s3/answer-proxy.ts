// Stands between a client and an S3 server and changes its answers to those of other servers.
import http from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StoreAnswer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
  /** Sent in chunks, without its length. */
  hasNoLength?: boolean;
}

export interface AnswerProxy {
  /** Host and port. */
  readonly endpoint: string;
  /** Every request so far, such as `PUT /bucket/key?partNumber=1`. */
  readonly requests: string[];
  /** What becomes of an answer; it may be changed in place. */
  alter: (request: string, answer: StoreAnswer) => void;
  close(): Promise<void>;
}

export async function startAnswerProxy(target: string): Promise<AnswerProxy> {
  const [host, port] = target.split(':');
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    const { method, url, headers } = request;
    const name = `${method} ${url}`;
    proxy.requests.push(name);
    const options = { host, port, agent, method, path: url, headers };
    const upstream = http.request(options, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      incoming.once('end', () => {
        const status = incoming.statusCode ?? 500;
        const body = Buffer.concat(pieces);
        const answer: StoreAnswer = { status, headers: { ...incoming.headers }, body };
        delete answer.headers.connection;
        proxy.alter(name, answer);
        send(method === 'HEAD', answer, response);
      });
    });
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: AnswerProxy = {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    alter: () => undefined,
    close: () => {
      agent.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

function send(
  isHead: boolean,
  { status, headers, body, hasNoLength }: StoreAnswer,
  response: http.ServerResponse,
): void {
  const { 'transfer-encoding': _, ...own } = headers;
  if (hasNoLength === true) delete own['content-length'];
  else if (!isHead) own['content-length'] = String(body.length);
  response.writeHead(status, own);
  response.end(isHead ? undefined : body);
}
