export { RpcClient } from './client.ts';
export { EMPTY, emptySchema } from './messages.ts';
export { RpcServer } from './server.ts';
