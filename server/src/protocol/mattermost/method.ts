import type { CodedError } from '../../base/errors.ts';
import { zero, type InterfaceValue, type Schema } from '../gob/index.ts';
import type { RpcClient, RpcServer } from '../netrpc/index.ts';
import {
  fromAppError,
  fromWireError,
  toAppError,
  toWireError,
  type AppError,
} from './model/error.ts';

/** Where the returns of a method carry its error. */
interface Failure<R> {
  read(returns: R): CodedError | undefined;
  /** Puts an error into returns that are zero otherwise. */
  write(error: unknown, returns: R): R;
}

/** A method of the service "Plugin", as both sides of a stream need to know it. */
export interface Method<A, R> {
  readonly name: string;
  readonly args: Schema<A>;
  readonly returns: Schema<R>;
  readonly failure?: Failure<R>;
}

export type ArgsOf<M> = M extends Method<infer A, infer _> ? A : never;
export type ReturnsOf<M> = M extends Method<infer _, infer R> ? R : never;

export function method<A, R>(
  name: string,
  args: Schema<A>,
  returns: Schema<R>,
  failure?: Failure<NoInfer<R>>,
): Method<A, R> {
  return failure === undefined ? { name, args, returns } : { name, args, returns, failure };
}

/** The returns have a `*model.AppError` under this letter. */
export function appErrorAt<K extends string>(key: K) {
  return {
    read: (returns: Record<K, AppError | null>) => fromAppError(returns[key]),
    write: <R extends Record<K, AppError | null>>(error: unknown, returns: R): R =>
      Object.assign(returns, { [key]: toAppError(error) }),
  };
}

/** The returns have an `error` under this letter. */
export function errorAt<K extends string>(key: K) {
  return {
    read: (returns: Record<K, InterfaceValue | null>) => fromWireError(returns[key]),
    write: <R extends Record<K, InterfaceValue | null>>(error: unknown, returns: R): R =>
      Object.assign(returns, { [key]: toWireError(error) }),
  };
}

/** Calls a method; rejects with the error that it returned, or with `ERR_RPC_…`. */
export async function callMethod<A, R>(
  client: RpcClient,
  { name, args, returns, failure }: Method<A, R>,
  value: A,
): Promise<R> {
  const result = await client.call(`Plugin.${name}`, args, value, returns);
  const error = failure?.read(result);
  if (error !== undefined) throw error;
  return result;
}

/** Serves a method. What `handler` throws is returned where the method has its error. */
export function serveMethod<A, R>(
  server: RpcServer,
  { name, args, returns, failure }: Method<A, R>,
  handler: (args: A) => R | Promise<R>,
): void {
  server.handle(`Plugin.${name}`, args, returns, async (value) => {
    try {
      return await handler(value);
    } catch (error) {
      if (failure === undefined) throw error;
      return failure.write(error, zero(returns));
    }
  });
}
