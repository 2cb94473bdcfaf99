// Stands between a client and an S3 server and does what networks and busy servers do.
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** The connection breaks before the request arrives. */
  | 'drop request'
  /** The request is carried out, but nobody hears of it. */
  | 'drop answer'
  /** The connection breaks in the middle of the request. */
  | 'cut request'
  /** The connection breaks in the middle of the answer. */
  | 'cut answer'
  /** The request is carried out, and the answer never comes. */
  | 'silence'
  /** The answer stops in the middle, with the connection open. */
  | 'stall'
  | 'status 500'
  | 'status 503'
  | 'status 403';

export const PASSING_FAULTS: readonly Fault[] = [
  'drop request',
  'drop answer',
  'cut request',
  'cut answer',
  'silence',
  'stall',
  'status 500',
  'status 503',
];

const ERRORS: Partial<Record<Fault, { status: number; code: string }>> = {
  'status 500': { status: 500, code: 'InternalError' },
  'status 503': { status: 503, code: 'SlowDown' },
  'status 403': { status: 403, code: 'AccessDenied' },
};

export interface FaultProxy {
  /** Host and port. */
  readonly endpoint: string;
  /** Every request so far, such as `PUT /bucket/key?partNumber=1`. */
  readonly requests: string[];
  /** What to do with a request, by its number from 0; undefined passes it on. */
  fault: (index: number, request: string) => Fault | undefined;
  /** Begins to count anew, without faults. */
  reset(): void;
  /** Requests that are open right now. */
  openCount(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const [host, port] = target.split(':');
  let open = 0;
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    open++;
    response.once('close', () => open--);
    const name = `${request.method} ${request.url}`;
    const fault = proxy.fault(proxy.requests.length, name);
    proxy.requests.push(name);
    request.on('error', () => {});
    response.on('error', () => {});
    if (fault === 'drop request') request.socket.destroy();
    else if (fault !== undefined && ERRORS[fault] !== undefined) answer(request, response, fault);
    else forward({ host, port: Number(port), agent }, request, response, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    fault: () => undefined,
    reset: () => {
      proxy.requests.length = 0;
      proxy.fault = () => undefined;
    },
    openCount: () => open,
    close: () => {
      agent.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

function answer(request: IncomingMessage, response: ServerResponse, fault: Fault): void {
  const { status, code } = ERRORS[fault] ?? { status: 500, code: 'InternalError' };
  request.resume();
  request.once('end', () => {
    response.writeHead(status, { 'Content-Type': 'application/xml' });
    // The answer to HEAD has no body, so that all that the client learns is the status.
    if (request.method === 'HEAD') response.end();
    else
      response.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made up</Message></Error>`,
      );
  });
}

function forward(
  target: { host: string; port: number; agent: http.Agent },
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
): void {
  const { method, url, headers } = request;
  const upstream = http.request({ ...target, method, path: url, headers }, (incoming) => {
    incoming.on('error', () => response.destroy());
    if (fault === 'silence') incoming.resume();
    else if (fault === 'drop answer') {
      incoming.resume();
      incoming.once('end', () => request.socket.destroy());
    } else if ((fault === 'cut answer' || fault === 'stall') && hasBody(request, incoming)) {
      passHalf(incoming, response, fault);
    } else {
      response.writeHead(incoming.statusCode ?? 500, incoming.headers);
      incoming.pipe(response);
    }
  });
  upstream.on('error', () => response.destroy());
  response.once('close', () => {
    if (!response.writableFinished && fault !== 'drop answer') upstream.destroy();
  });
  if (fault === 'cut request') cutRequest(request, upstream);
  else request.pipe(upstream);
}

function hasBody(request: IncomingMessage, incoming: IncomingMessage): boolean {
  return request.method !== 'HEAD' && incoming.headers['content-length'] !== '0';
}

function cutRequest(request: IncomingMessage, upstream: http.ClientRequest): void {
  request.once('data', (piece: Buffer) => {
    upstream.write(piece.subarray(0, piece.length / 2), () => {
      upstream.destroy();
      request.socket.destroy();
    });
  });
  request.once('end', () => {
    upstream.destroy();
    request.socket.destroy();
  });
}

/** Half of what the head announces, or nothing of a body without a length. */
function passHalf(incoming: IncomingMessage, response: ServerResponse, fault: Fault): void {
  const whole = Number(incoming.headers['content-length'] ?? 0);
  let left = Math.floor(whole / 2);
  response.writeHead(incoming.statusCode ?? 500, incoming.headers);
  response.flushHeaders();
  const end = (): void => {
    incoming.destroy();
    if (fault === 'cut answer') setTimeout(() => response.destroy(), 10);
  };
  incoming.on('data', (piece: Buffer) => {
    if (left <= 0) return;
    response.write(piece.subarray(0, left));
    left -= piece.length;
    if (left <= 0) end();
  });
  incoming.once('end', end);
}
