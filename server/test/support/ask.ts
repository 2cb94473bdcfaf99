import type { Router } from '../../src/httpapi/router.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Asks the plugin's HTTP API as an administrator would through the server. */
export async function ask(
  api: Router,
  method: string,
  url: string,
  body?: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const headers: Record<string, string> = {};
  const pieces: Uint8Array[] = [];
  let status = 0;
  let sent = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
  await api.serve(
    {
      method,
      url,
      header: { get: (name) => (name === 'Mattermost-User-Id' ? 'admin' : more[name]) },
      body: {
        read: () => {
          const piece = sent;
          sent = undefined;
          return Promise.resolve(piece);
        },
      },
    },
    {
      header: { set: (name, value) => void (headers[name] = value) },
      takeOver: () => Promise.resolve(false),
      writeHead: (code) => {
        status = code;
        return Promise.resolve();
      },
      write: (bytes) => {
        pieces.push(bytes.slice());
        return Promise.resolve();
      },
    },
  );
  return { status, headers, body: Buffer.concat(pieces) };
}

export async function askJson<T>(
  api: Router,
  method: string,
  url: string,
  body?: unknown,
): Promise<T> {
  const answer = await ask(api, method, url, body);
  if (answer.status !== 200)
    throw new Error(`${method} ${url}: ${answer.status} ${answer.body.toString()}`);
  return JSON.parse(answer.body.toString()) as T;
}

/** Polls until the condition holds; a machine that is busy with other things gets its time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`it never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
