// The parts of model.Config that are used here, matched by name with what the host has.
//
// All settings are `optional`: undefined when the host's Config has no such field (an older host),
// and the zero value when the host has it and it is false, 0, empty or nil: gob does not send any of
// those, so a missing AmazonS3SSL of a host that knows the field means false, not its default.
import {
  anyInt,
  bool,
  map,
  mapped,
  optional,
  slice,
  string,
  struct,
  type Fields,
  type Schema,
  type ValueOf,
} from '../../gob/index.ts';
import { objectSchema } from './values.ts';

type Optional<F extends Fields> = {
  [K in keyof F]: Schema<ValueOf<F[K]> | undefined>;
};

function part<F extends Fields>(name: string, fields: F) {
  const entries = Object.entries(fields).map(([key, schema]) => [key, optional(schema)]);
  return struct(name, Object.fromEntries(entries) as Optional<F>);
}

/** Administrators enter huge numbers for "no limit", which need not be exact here. */
const int: Schema<number> = mapped(anyInt, Number, (value) => value);

/** A Go map with text keys as a plain object. */
function plainObject<T>(value: Schema<T>): Schema<Record<string, T>> {
  return mapped(
    map(string, value),
    (entries) => Object.fromEntries(entries),
    (object) => new Map(Object.entries(object)),
  );
}

const serviceSettings = part('ServiceSettings', {
  SiteURL: string,
  ListenAddress: string,
  WriteTimeout: int,
  EnableInsecureOutgoingConnections: bool,
  AllowedUntrustedInternalConnections: string,
  EnableDeveloper: bool,
});

const sqlSettings = part('SqlSettings', { DriverName: string });

const fileSettings = part('FileSettings', {
  DriverName: string,
  Directory: string,
  MaxFileSize: int,
  AmazonS3AccessKeyId: string,
  AmazonS3SecretAccessKey: string,
  AmazonS3Bucket: string,
  AmazonS3PathPrefix: string,
  AmazonS3Region: string,
  AmazonS3Endpoint: string,
  AmazonS3SSL: bool,
  AmazonS3SignV2: bool,
  AmazonS3SSE: bool,
  AmazonS3Trace: bool,
  AmazonS3RequestTimeoutMilliseconds: int,
  AmazonS3UploadPartSizeBytes: int,
  AmazonS3StorageClass: string,
  AzureStorageAccount: string,
  AzureAuthMode: string,
  AzureAccessKey: string,
  AzureContainer: string,
  AzurePathPrefix: string,
  AzureCloud: string,
  AzureEndpoint: string,
  AzureSSL: bool,
  AzureRequestTimeoutMilliseconds: int,
});

const clusterSettings = part('ClusterSettings', {
  Enable: bool,
  ClusterName: string,
  OverrideHostname: string,
  NetworkInterface: string,
  UseIPAddress: bool,
  ReadOnlyConfig: bool,
});

const metricsSettings = part('MetricsSettings', {
  Enable: bool,
  ListenAddress: string,
  EnableClientMetrics: bool,
  EnableNotificationMetrics: bool,
});

const pluginSettings = part('PluginSettings', {
  Enable: bool,
  EnableUploads: bool,
  Directory: string,
  Plugins: plainObject(objectSchema),
  PluginStates: plainObject(struct('PluginState', { Enable: bool })),
  SignaturePublicKeyFiles: slice(string),
});

export const configSchema = struct('Config', {
  ServiceSettings: serviceSettings,
  SqlSettings: sqlSettings,
  FileSettings: fileSettings,
  ClusterSettings: clusterSettings,
  MetricsSettings: metricsSettings,
  PluginSettings: pluginSettings,
});
export type Config = ValueOf<typeof configSchema>;
