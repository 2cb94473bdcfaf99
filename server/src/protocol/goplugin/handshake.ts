import { CodedError } from '../../base/errors.ts';

/** Version of go-plugin's own protocol. */
const CORE_PROTOCOL_VERSION = '1';

/** Lines longer than this are not handshakes; a socket path has at most 107 bytes. */
const HANDSHAKE_LENGTH_MAX = 1024;

/** What host and plugin must agree on. */
export interface HandshakeConfig {
  readonly cookieKey: string;
  readonly cookieValue: string;
  readonly protocolVersion: number;
}

/**
 * Whether the environment is that of a plugin host. Throws `ERR_PLUGIN_NOT_HOSTED` when a person
 * started the program, `ERR_PLUGIN_PROTOCOL_VERSION` when the host speaks other versions only, and
 * `ERR_PLUGIN_TLS` when it wants an encrypted socket.
 */
export function checkEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  config: HandshakeConfig,
): void {
  if (env[config.cookieKey] !== config.cookieValue) {
    throw new CodedError('ERR_PLUGIN_NOT_HOSTED', 'this program was not started by a plugin host');
  }
  const offered = env.PLUGIN_PROTOCOL_VERSIONS ?? '';
  const versions = offered.split(',').map((version) => version.trim());
  // Hosts of before 2018 send no list and expect the one version there was.
  if (offered !== '' && !versions.includes(String(config.protocolVersion))) {
    throw new CodedError(
      'ERR_PLUGIN_PROTOCOL_VERSION',
      'the host does not speak the plugin protocol of this program',
      { expected: config.protocolVersion, found: offered },
    );
  }
  if ((env.PLUGIN_CLIENT_CERT ?? '') !== '') {
    throw new CodedError('ERR_PLUGIN_TLS', 'the host asks for TLS, which plugins here do not use');
  }
}

/** The line by which the host learns where to connect, with the line break. */
export function formatHandshake(config: HandshakeConfig, socketPath: string): string {
  return `${CORE_PROTOCOL_VERSION}|${config.protocolVersion}|unix|${socketPath}|netrpc|\n`;
}

/** The socket path of a plugin's handshake line. Throws `ERR_PLUGIN_HANDSHAKE`. */
export function parseHandshake(config: HandshakeConfig, line: string): string {
  const fields = line.trim().split('|');
  const [core, version, network, path, protocol = 'netrpc'] = fields;
  const expected = formatHandshake(config, '<path>').trim();
  const isGood =
    line.length <= HANDSHAKE_LENGTH_MAX &&
    fields.length >= 4 &&
    core === CORE_PROTOCOL_VERSION &&
    version === String(config.protocolVersion) &&
    network === 'unix' &&
    protocol === 'netrpc' &&
    path !== '';
  if (isGood) return path;
  throw new CodedError('ERR_PLUGIN_HANDSHAKE', 'the plugin did not greet as a plugin does', {
    expected,
    found: line.slice(0, HANDSHAKE_LENGTH_MAX),
  });
}
