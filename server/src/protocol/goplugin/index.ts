export { BROKER_TIMEOUT_MS, type Broker, MuxBroker } from './broker.ts';
export { type HandshakeConfig, formatHandshake, parseHandshake } from './handshake.ts';
export { GoPluginHostConnection, type HostConnectionOptions } from './host-connection.ts';
export {
  type PluginConnection,
  type PluginConnectionOptions,
  type ServePlugin,
  servePluginConnection,
} from './plugin-connection.ts';
export { type EndReason, type GoPluginOptions, STOP_TIMEOUT_MS, serveGoPlugin } from './serve.ts';
