// API methods: what the plugin calls on the host; mirrors plugin/client_rpc*.go. The letters are
// the positions of the arguments and results of the Go method.
import {
  bool,
  bytes,
  int,
  pointer,
  slice,
  string,
  struct,
  uint,
  type Fields,
  type Schema,
  type StructOf,
} from '../gob/index.ts';
import { headerSchema, requestSchema } from './http-table.ts';
import { appErrorAt, errorAt, method } from './method.ts';
import { commandSchema } from './model/command.ts';
import { configSchema } from './model/config.ts';
import { appErrorPointer, errorSchema } from './model/error.ts';
import { botSchema, fileInfoSchema, postSchema, uploadSessionSchema } from './model/post.ts';
import {
  clusterEventOptionsSchema,
  clusterEventSchema,
  kvSetOptionsSchema,
  licenseSchema,
  permissionSchema,
  pluginStatusSchema,
} from './model/server.ts';
import { anyListSchema, anyMapSchema } from './model/values.ts';

const args = <F extends Fields>(fields: F): Schema<StructOf<F>> => struct('Z_Args', fields);
const returns = <F extends Fields>(fields: F): Schema<StructOf<F>> => struct('Z_Returns', fields);
const nothing = struct('Z_Empty', {});

const textReturn = returns({ A: string });
const configReturn = returns({ A: pointer(configSchema) });
const logArgs = args({ A: string, B: anyListSchema });
const kvChanged = returns({ A: bool, B: appErrorPointer });
const appError = returns({ A: appErrorPointer });

const configuration = {
  LoadPluginConfiguration: method('LoadPluginConfiguration', nothing, returns({ A: bytes })),
  GetConfig: method('GetConfig', nothing, configReturn),
  GetUnsanitizedConfig: method('GetUnsanitizedConfig', nothing, configReturn),
  GetPluginConfig: method('GetPluginConfig', nothing, returns({ A: anyMapSchema })),
  SavePluginConfig: method(
    'SavePluginConfig',
    args({ A: anyMapSchema }),
    appError,
    appErrorAt('A'),
  ),
} as const;

const server = {
  GetLicense: method('GetLicense', nothing, returns({ A: pointer(licenseSchema) })),
  GetServerVersion: method('GetServerVersion', nothing, textReturn),
  GetDiagnosticId: method('GetDiagnosticId', nothing, textReturn),
  GetTelemetryId: method('GetTelemetryId', nothing, textReturn),
  GetPluginID: method('GetPluginID', nothing, textReturn),
  GetSystemInstallDate: method(
    'GetSystemInstallDate',
    nothing,
    returns({ A: int, B: appErrorPointer }),
    appErrorAt('B'),
  ),
  GetBundlePath: method(
    'GetBundlePath',
    nothing,
    returns({ A: string, B: errorSchema }),
    errorAt('B'),
  ),
  GetPluginStatus: method(
    'GetPluginStatus',
    args({ A: string }),
    returns({ A: pointer(pluginStatusSchema), B: appErrorPointer }),
    appErrorAt('B'),
  ),
  HasPermissionTo: method(
    'HasPermissionTo',
    args({ A: string, B: pointer(permissionSchema) }),
    returns({ A: bool }),
  ),
  PublishPluginClusterEvent: method(
    'PublishPluginClusterEvent',
    args({ A: clusterEventSchema, B: clusterEventOptionsSchema }),
    returns({ A: errorSchema }),
    errorAt('A'),
  ),
  LogDebug: method('LogDebug', logArgs, nothing),
  LogInfo: method('LogInfo', logArgs, nothing),
  LogWarn: method('LogWarn', logArgs, nothing),
  LogError: method('LogError', logArgs, nothing),
} as const;

const keyValue = {
  KVGet: method(
    'KVGet',
    args({ A: string }),
    returns({ A: bytes, B: appErrorPointer }),
    appErrorAt('B'),
  ),
  KVSet: method('KVSet', args({ A: string, B: bytes }), appError, appErrorAt('A')),
  KVSetWithExpiry: method(
    'KVSetWithExpiry',
    args({ A: string, B: bytes, C: int }),
    appError,
    appErrorAt('A'),
  ),
  KVSetWithOptions: method(
    'KVSetWithOptions',
    args({ A: string, B: bytes, C: kvSetOptionsSchema }),
    kvChanged,
    appErrorAt('B'),
  ),
  KVCompareAndSet: method(
    'KVCompareAndSet',
    args({ A: string, B: bytes, C: bytes }),
    kvChanged,
    appErrorAt('B'),
  ),
  KVCompareAndDelete: method(
    'KVCompareAndDelete',
    args({ A: string, B: bytes }),
    kvChanged,
    appErrorAt('B'),
  ),
  KVDelete: method('KVDelete', args({ A: string }), appError, appErrorAt('A')),
  KVDeleteAll: method('KVDeleteAll', nothing, appError, appErrorAt('A')),
  KVList: method(
    'KVList',
    args({ A: int, B: int }),
    returns({ A: slice(string), B: appErrorPointer }),
    appErrorAt('B'),
  ),
} as const;

const messages = {
  RegisterCommand: method(
    'RegisterCommand',
    args({ A: pointer(commandSchema) }),
    returns({ A: errorSchema }),
    errorAt('A'),
  ),
  UnregisterCommand: method(
    'UnregisterCommand',
    args({ A: string, B: string }),
    returns({ A: errorSchema }),
    errorAt('A'),
  ),
  SendEphemeralPost: method(
    'SendEphemeralPost',
    args({ A: string, B: pointer(postSchema) }),
    returns({ A: pointer(postSchema) }),
  ),
  CreatePost: method(
    'CreatePost',
    args({ A: pointer(postSchema) }),
    returns({ A: pointer(postSchema), B: appErrorPointer }),
    appErrorAt('B'),
  ),
  EnsureBotUser: method(
    'EnsureBotUser',
    args({ A: pointer(botSchema) }),
    returns({ A: string, B: errorSchema }),
    errorAt('B'),
  ),
  UploadFile: method(
    'UploadFile',
    args({ A: bytes, B: string, C: string }),
    returns({ A: pointer(fileInfoSchema), B: appErrorPointer }),
    appErrorAt('B'),
  ),
  CreateUploadSession: method(
    'CreateUploadSession',
    args({ A: pointer(uploadSessionSchema) }),
    returns({ A: pointer(uploadSessionSchema), B: errorSchema }),
    errorAt('B'),
  ),
  GetUploadSession: method(
    'GetUploadSession',
    args({ A: string }),
    returns({ A: pointer(uploadSessionSchema), B: errorSchema }),
    errorAt('B'),
  ),
  /** The plugin accepts the stream and serves the file on it; see body-stream.ts. */
  UploadData: method(
    'UploadData',
    args({ A: pointer(uploadSessionSchema), PluginStreamID: uint }),
    returns({ A: pointer(fileInfoSchema), B: errorSchema }),
    errorAt('B'),
  ),
} as const;

const pluginHttp = {
  PluginHTTP: method(
    'PluginHTTP',
    args({ Request: pointer(requestSchema), RequestBody: bytes }),
    returns({
      Response: pointer(struct('Response', { StatusCode: int, Header: headerSchema })),
      ResponseBody: bytes,
    }),
  ),
  /** Newer hosts. The host writes the response body as it is, without being asked for parts. */
  PluginHTTPStream: method(
    'PluginHTTPStream',
    args({ ResponseBodyStream: uint, Request: pointer(requestSchema), RequestBodyStream: uint }),
    returns({ StatusCode: int, Header: headerSchema }),
  ),
} as const;

export const api = {
  ...configuration,
  ...server,
  ...keyValue,
  ...messages,
  ...pluginHttp,
} as const;
