// HTTP requests and responses between host and plugin; mirrors plugin/{http,hijack,client_rpc}.go.
import {
  bytes,
  int,
  map,
  pointer,
  slice,
  string,
  struct,
  time,
  uint,
  url,
  type ValueOf,
} from '../gob/index.ts';
import { emptySchema } from '../netrpc/index.ts';
import { method } from './method.ts';
import { contextSchema } from './model/server.ts';

/** Go's `http.Header`. */
export const headerSchema = map(string, slice(string));

/**
 * `HTTPRequestSubset` of newer hosts. Hosts before 10.9 send a whole `http.Request`, whose other
 * fields it leaves out; they are passed over.
 */
export const requestSchema = struct('HTTPRequestSubset', {
  Method: string,
  URL: pointer(url),
  Proto: string,
  ProtoMajor: int,
  ProtoMinor: int,
  Header: headerSchema,
  Host: string,
  RemoteAddr: string,
  RequestURI: string,
});
export type WireRequest = ValueOf<typeof requestSchema>;

/** A stream number of 0 means that there is no body. */
export const serveHttpArgsSchema = struct('Z_ServeHTTPArgs', {
  ResponseWriterStream: uint,
  Request: pointer(requestSchema),
  Context: pointer(contextSchema),
  RequestBodyStream: uint,
});

/** `Plugin.X` on the stream of one response. One call at a time: see http-response.ts. */
export const responseWriter = {
  header: method('Header', emptySchema, headerSchema),
  /** Replaces all headers. */
  syncHeader: method('SyncHeader', headerSchema, emptySchema),
  writeHeader: method('WriteHeader', int, emptySchema),
  write: method('Write', bytes, emptySchema),
  /** Servers from 11.4 on; older ones do not know it. */
  flush: method('Flush', emptySchema, emptySchema),
  hijack: method('HijackResponse', emptySchema, emptySchema),
  hijackBufferedRead: method('HjConnRWRead', bytes, bytes),
  hijackBufferedWrite: method('HjConnRWWrite', bytes, int),
  hijackRead: method('HjConnRead', int, bytes),
  hijackWrite: method('HjConnWrite', bytes, int),
  hijackClose: method('HjConnClose', emptySchema, emptySchema),
  hijackDeadline: method('HjConnSetDeadline', time, emptySchema),
  hijackReadDeadline: method('HjConnSetReadDeadline', time, emptySchema),
  hijackWriteDeadline: method('HjConnSetWriteDeadline', time, emptySchema),
} as const;
