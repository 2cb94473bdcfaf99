import { readFile } from 'node:fs/promises';

import { CodedError, describeError } from '../../base/errors.ts';
import { makeAgents } from '../bucket/agents.ts';
import type { ConnectionSettings } from '../bucket/agents.ts';

/** What a token is for: all of Azure's storage. */
const RESOURCE = 'https://storage.azure.com/';
const AUTHORITY = 'https://login.microsoftonline.com';
/** Where a virtual machine asks who it is; not routed, so that nobody else answers. */
const MACHINE_ENDPOINT = 'http://169.254.169.254';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
/** A token is replaced this long before its end, so that no request meets it. */
const MARGIN_MS = 5 * 60_000;

interface Token {
  readonly value: string;
  readonly endMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Tokens for the identity of this machine, pod or service, found as Azure's own libraries find it
 * (DefaultAzureCredential): a service principal in the environment, a workload identity of
 * Kubernetes, a managed identity of App Service or of the machine. They would ask the program `az`
 * next, which belongs to a person at a terminal.
 */
export class AzureIdentity {
  readonly #settings: ConnectionSettings;
  readonly #env: Environment;
  readonly #nowMs: () => number;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;

  constructor(
    settings: ConnectionSettings,
    env: Environment = process.env,
    nowMs: () => number = Date.now,
  ) {
    this.#settings = settings;
    this.#env = env;
    this.#nowMs = nowMs;
  }

  /** A token that is good for the next minutes. `ERR_FILESTORE_CREDENTIALS` when there is none. */
  async token(): Promise<string> {
    if (this.#token !== undefined && this.#token.endMs - MARGIN_MS > this.#nowMs()) {
      return this.#token.value;
    }
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    this.#token = await this.#asking;
    return this.#token.value;
  }

  /** The store did not take the token: the next one is a new one. */
  forget(): void {
    this.#token = undefined;
  }

  async #ask(): Promise<Token> {
    const env = this.#env;
    const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client } = env;
    try {
      if (tenant && client && env.AZURE_CLIENT_SECRET) {
        const secret = { client_secret: env.AZURE_CLIENT_SECRET };
        return await this.#askAuthority(tenant, client, secret);
      }
      if (tenant && client && env.AZURE_FEDERATED_TOKEN_FILE) {
        const assertion = (await readFile(env.AZURE_FEDERATED_TOKEN_FILE, 'utf8')).trim();
        const proof = { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
        return await this.#askAuthority(tenant, client, proof);
      }
      return await this.#askManaged();
    } catch (error) {
      throw new CodedError(
        'ERR_FILESTORE_CREDENTIALS',
        'Azure Auth Mode is default_credential, and no token could be had for the identity of this machine',
        {},
        new Error(describeError(error)),
      );
    }
  }

  #askAuthority(tenant: string, client: string, proof: Record<string, string>): Promise<Token> {
    const authority = (this.#env.AZURE_AUTHORITY_HOST || AUTHORITY).replace(/\/+$/, '');
    const url = new URL(`${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client,
      scope: `${RESOURCE}.default`,
      ...proof,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#request('POST', url, headers, form.toString());
  }

  #askManaged(): Promise<Token> {
    const {
      IDENTITY_ENDPOINT: service,
      IDENTITY_HEADER: secret,
      AZURE_CLIENT_ID: client,
    } = this.#env;
    const query = { resource: RESOURCE, ...(client && { client_id: client }) };
    if (service && secret) {
      const url = new URL(service);
      url.search = String(new URLSearchParams({ 'api-version': '2019-08-01', ...query }));
      return this.#request('GET', url, { 'x-identity-header': secret });
    }
    const base = this.#env.AZURE_POD_IDENTITY_AUTHORITY_HOST || MACHINE_ENDPOINT;
    const url = new URL(`${base.replace(/\/+$/, '')}/metadata/identity/oauth2/token`);
    url.search = String(new URLSearchParams({ 'api-version': '2018-02-01', ...query }));
    return this.#request('GET', url, { metadata: 'true' });
  }

  async #request(
    method: string,
    url: URL,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Token> {
    const { default: fetch } = await import('node-fetch');
    const isSecure = url.protocol === 'https:';
    const agents = makeAgents({ ...this.#settings, isSecure }, url.host);
    const answer = await fetch(url, {
      method,
      headers,
      body: body ?? null,
      agent: isSecure ? agents.httpsAgent : agents.httpAgent,
      // A secret goes where it was meant to go.
      redirect: 'error',
      size: ANSWER_BYTES_MAX,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    if (answer.status !== 200) {
      throw new CodedError('ERR_FILESTORE_CREDENTIALS', 'the identity service refused', {
        host: url.host,
        status: answer.status,
        reason: reasonIn(text),
      });
    }
    return readToken(text, this.#nowMs());
  }
}

/** `expires_in` is a number or a text, by the service. */
function readToken(text: string, nowMs: number): Token {
  const fields = fieldsOf(text);
  const seconds = Number(fields.get('expires_in'));
  const value = fields.get('access_token');
  if (typeof value === 'string' && value !== '' && seconds > 0) {
    return { value, endMs: nowMs + seconds * 1000 };
  }
  throw new CodedError('ERR_FILESTORE_CREDENTIALS', 'the identity service sent no token');
}

function reasonIn(text: string): string | undefined {
  const reason = fieldsOf(text).get('error_description') ?? fieldsOf(text).get('error');
  return typeof reason === 'string' ? reason.slice(0, 200) : undefined;
}

function fieldsOf(text: string): Map<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return new Map(Object.entries(parsed));
  } catch {
    // No JSON has no fields.
  }
  return new Map();
}
