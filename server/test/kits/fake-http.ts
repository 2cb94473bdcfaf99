import type { HttpClient, HttpGetOptions, HttpResponse } from '../../src/base/ports/http-client.ts';

export type Answer = string | Error | Partial<HttpResponse> | (() => Promise<string>);

/** Answers each URL with what the test has set for it, and notes what was asked. */
export class FakeHttp implements HttpClient {
  readonly answers = new Map<string, Answer>();
  readonly requests: { url: string; options: HttpGetOptions }[] = [];
  /** Bodies that were handed out and not given back. */
  held = 0;

  async get(url: string, options: HttpGetOptions): Promise<HttpResponse> {
    this.requests.push({ url, options });
    const set = this.answers.get(url) ?? '';
    const answer = typeof set === 'function' ? await orAbort(set(), options.signal) : set;
    if (answer instanceof Error) throw answer;
    this.held++;
    const response = typeof answer === 'string' ? {} : answer;
    const body = new TextEncoder().encode(typeof answer === 'string' ? answer : '');
    return {
      status: 200,
      statusText: 'OK',
      contentType: 'text/plain; version=0.0.4',
      body,
      ...response,
      release: () => {
        this.held--;
        body.fill(0);
      },
    };
  }
}

function orAbort<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    answer.then(resolve, reject);
  });
}
