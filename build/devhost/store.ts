// What a Mattermost server keeps in its database for a plugin, as one of several servers reaches it.
import type { NodeLink } from './node-link.ts';

/** Conditions and lifetime of a write, as in Mattermost's PluginKVSetOptions. */
export interface SetOptions {
  readonly atomic: boolean;
  /** The value that has to be there; null: the key must be absent. Only with `atomic`. */
  readonly oldValue: Uint8Array | null;
  /** 0: for ever. */
  readonly expireInSeconds: number;
}

/** Rows of a query with the columns in their order. */
export interface Rows {
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

/** One server's connection. Calls reject while the database is out of its reach. */
export interface Store {
  /** null when there is no such key, or when it has ended. */
  kvGet(key: string): Promise<Uint8Array | null>;
  /** An empty or absent value deletes the key, as Mattermost has it. */
  kvSet(key: string, value: Uint8Array | null, expireInSeconds?: number): Promise<void>;
  /** Whether the value was written: with `atomic`, only when the old value was the expected one. */
  kvSetWithOptions(key: string, value: Uint8Array | null, options: SetOptions): Promise<boolean>;
  kvDelete(key: string): Promise<void>;
  kvDeleteAll(): Promise<void>;
  /** One page of the living keys in their order; pages count from 0. */
  kvList(page: number, perPage: number): Promise<string[]>;
  /** A server of the cluster is alive; as Mattermost does it each minute. */
  pingNode(hostname: string): Promise<void>;
  /** A server has left the cluster in an orderly way. */
  removeNode(hostname: string): Promise<void>;
  /** Runs a statement of the plugin, with PostgreSQL's placeholders `$1`, `$2`, … */
  query(sql: string, args: readonly unknown[]): Promise<Rows>;
  close(): Promise<void>;
}

/** A database that all servers of a cluster share. */
export interface Database {
  /** @param link what breaks on the way of this server */
  connect(link: NodeLink): Promise<Store>;
  close(): Promise<void>;
}

/** Longest key that Mattermost takes, in code points. */
const keyMaxLength = 150;

export function checkKey(key: string): void {
  if (key === '' || [...key].length > keyMaxLength) throw new Error(`invalid key: ${key}`);
}
