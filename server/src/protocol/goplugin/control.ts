import { bool, string, uint } from '../gob/index.ts';
import { emptySchema } from '../netrpc/index.ts';

// Methods of the control stream, as rpc_server.go registers them. The bool says nothing.

export const PING = { name: 'Control.Ping', args: bool, reply: emptySchema } as const;
export const QUIT = { name: 'Control.Quit', args: bool, reply: emptySchema } as const;
/** From the name of a plugin to the broker number where it is served. */
export const DISPENSE = { name: 'Dispenser.Dispense', args: string, reply: uint } as const;
