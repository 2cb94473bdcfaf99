import { string, struct, uint } from '../gob/index.ts';

export const requestSchema = struct('Request', { ServiceMethod: string, Seq: uint });

export const responseSchema = struct('Response', {
  ServiceMethod: string,
  Seq: uint,
  Error: string,
});

/** Go's `struct{}`: an argument or reply that says nothing. */
export const emptySchema = struct('', {});
export const EMPTY = {};
